"""The sounds that an exported network was trained on, for its card, from the records of its training."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from acrnn.crossval.joint import JointCorpus
from acrnn.errors import FieldError
from acrnn.model_card import Card
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records.record_set import RecordSet
from acrnn.records.sound_sample import SoundSample, joined


def of_records(records: RecordSet, speakers: Collection[str]) -> SoundSample | None:
    """Returns the sounds of some speakers in a record set; None for records made before they kept their sounds."""
    if records.sounds is None:
        return None
    own = {row.id for row in records.utterances if row.speaker in set(speakers)}
    return SoundSample.of([value for name, value in records.sounds.sha256.items() if name in own])


def of_refit(
    records: RecordSet, speakers: Collection[str], weights: InitialWeights, joint: JointCorpus | None = None
) -> SoundSample | None:
    """Returns the sounds of a refit, with those of a second corpus and of the model or the corpus that it started from."""
    parts = [of_records(records, speakers)]
    if joint is not None:
        parts.append(of_records(joint.records, {row.speaker for row in joint.used}))
    if weights.model is not None:
        parts.append(weights.model.sounds)
    if weights.kind == "corpus" and weights.path is not None:
        other = RecordSet(weights.path)
        parts.append(of_records(other, {row.speaker for row in other.utterances}))
    return joined(parts)


def of_earlier(card: Card, folder: Path) -> SoundSample:
    """Returns the sounds of an exported model, from the record set of its training.

    Args:
        card: card of the model.
        folder: the record set.

    Raises:
        FieldError: the records are of another corpus, lack a speaker, or were prepared in another way; or they have no sounds.
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
    if (sample := of_records(records, card.fitted_on["speakers"])) is None:
        raise FieldError("records", folder, "it was made before records kept their sounds; prepare it again")
    return sample
