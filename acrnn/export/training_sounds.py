"""The sounds that an exported network was trained on, for its card, from the records of its training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acrnn.crossval.claim import train_ids
from acrnn.crossval.joint import JointCorpus
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError
from acrnn.folds import PROTOCOLS
from acrnn.model_card import Card
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records.record_set import RecordSet
from acrnn.records.sound_sample import SoundSample, joined


def of_records(records: RecordSet, ids: Iterable[str] | None = None) -> SoundSample | None:
    """Returns the sounds of a record set; None for records made before they kept their sounds.

    Args:
        records: the record set.
        ids: ids of the utterances to take; None takes all.
    """
    if records.sounds is None:
        return None
    sha256 = records.sounds.sha256
    return SoundSample.of([sha256[name] for name in (sha256 if ids is None else set(ids)) if name in sha256])


def of_run(folder: Path, settings: Settings, fold: int, records: RecordSet) -> SoundSample | None:
    """Returns the sounds of the training part of a fold; incomplete if it had another corpus or started from one or from a model.

    Args:
        folder: output folder of the experiment.
        settings: its settings.
        fold: number of the fold.
        records: its record set.

    Raises:
        FileNotFoundError, ValueError: split.json is missing or damaged.
    """
    sample = of_records(records, train_ids(folder, settings.split_sha256, fold))
    has_others = settings.joint is not None or settings.initial_weights_kind in ("corpus", "model")
    return joined([sample, None]) if has_others else sample


def of_refit(records: RecordSet, weights: InitialWeights, joint: JointCorpus | None = None) -> SoundSample | None:
    """Returns the sounds of a refit, with those of a second corpus and of the model or the corpus that it started from."""
    parts = [of_records(records)]
    if joint is not None:
        parts.append(of_records(joint.records, (row.id for row in joint.used)))
    if weights.model is not None:
        parts.append(weights.model.sounds)
    if weights.kind == "corpus" and weights.path is not None:
        parts.append(of_records(RecordSet(weights.path)))
    return joined(parts)


def of_earlier(card: Card, folder: Path) -> SoundSample:
    """Returns the sounds of an exported model, from the record set of its training and those that are on its card already.

    Args:
        card: card of the model.
        folder: the record set.

    Raises:
        FieldError: the records are of another corpus, lack a speaker, or were prepared in another way; or they have no sounds; or the
            model was trained on some recordings of its speakers only.
    """
    records = RecordSet(folder)
    manifest, speakers = records.manifest, {row.speaker for row in records.utterances}
    for name, ours, theirs in (
        ("corpus", manifest.corpus["name"], card.corpus["name"]),
        ("title", manifest.corpus["title"], card.corpus["title"]),
        ("front end", manifest.frontend, card.frontend),
        ("segments", manifest.rule, card.rule),
        ("labels", manifest.labels, card.labels),
    ):
        if ours != theirs:
            problem = (
                f"its {name} is {ours}, that of {card.name} {theirs}; name the records that the model was trained on"
            )
            raise FieldError("records", folder, problem)
    if absent := sorted(set(card.fitted_on["speakers"]) - speakers):
        problem = f"it lacks speakers that {card.name} was trained on ({', '.join(absent[:3])}); name its records"
        raise FieldError("records", folder, problem)
    if not _trained_on_whole_speakers(card):
        problem = f"{card.name} was trained on some recordings of its speakers only; export its run with these records instead"
        raise FieldError("records", folder, problem)
    trained = set(card.fitted_on["speakers"])
    sample = of_records(records, (row.id for row in records.utterances if row.speaker in trained))
    if sample is None:
        raise FieldError("records", folder, "it was made before records kept their sounds; prepare it again")
    earlier = [card.training_sounds] if card.sounds or card.other_corpora else []
    return joined([sample, *earlier]) or sample


def _trained_on_whole_speakers(card: Card) -> bool:
    """Returns whether the training speakers tell the training utterances: not in a fold whose parts may share speakers."""
    estimate = card.estimate or {}
    protocol = PROTOCOLS.get(estimate.get("protocol", ""))
    is_divided = "mistake" in estimate or "speakers" in card.corpus or (protocol and not protocol.speaker_independent)
    return "fold" not in card.fitted_on or not is_divided
