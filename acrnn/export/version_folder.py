"""Writes an exported model, its formats and its card, into a version folder; the folder appears only when it is complete."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from acrnn import files
from acrnn.crossval.environment import versions
from acrnn.crossval.results import collect_results
from acrnn.crossval.settings import CorpusInfo
from acrnn.errors import FieldError
from acrnn.export import serving
from acrnn.export.ensembles.estimate import fused
from acrnn.export.trained_model import TrainedModel, check_speeds
from acrnn.model_card import FORMATS, WORDS, Card
from acrnn.output import lock
from acrnn.recipes.initial_weights import CORPUS_FIELDS

_CORPUS_KEYS = ("name", "title", "version", "licence", "citation")
_ESTIMATE_KEYS = ("uar_fold_mean", "uar_fold_std", "uar_pooled", "uar_pooled_interval", "wa", "per_class", "coverage")


def check(out: Path, formats: Sequence[str], replaced: bool, served: bool = False) -> None:
    """Refuses arguments of `export` with which the export would fail after the work is done.

    Raises:
        FieldError: a format is unknown, or the folder is not a version folder or exists already.
    """
    for name in formats:
        if name not in FORMATS:
            raise FieldError("formats", name, f"it is unknown; choose from {', '.join(FORMATS)}")
    if served and "saved-model" not in formats:
        raise FieldError("served", "", "TensorFlow Serving takes a SavedModel; add saved-model to the formats")
    if not out.name.isdecimal():
        raise FieldError("out", out, f"its last part is the version, a whole number: {out / '1'}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name := out.resolve().parent.name):
        raise FieldError("out", out, f"{name!r} is the model's name; use letters, digits, dots, dashes and underscores")
    if out.exists() and not replaced:
        raise FieldError("out", out, "it exists already; take the next version, or replace it")


def export(
    trained: TrainedModel,
    out: Path,
    formats: Sequence[str] = ("saved-model",),
    estimate: Mapping | None = None,
    replaced: bool = False,
    served: bool = False,
    announce: Callable[[str], None] = lambda text: None,
    earlier: Card | None = None,
) -> Card:
    """Writes a model in one or several formats, with its card.

    Args:
        trained: the network, or the ensemble, with its settings.
        out: version folder to write, such as saved_models/NAME/1.
        formats: keys in FORMATS.
        estimate: estimated performance for the card, see `estimate_of`; None if it was not measured.
        replaced: replace an existing version.
        served: add files for TensorFlow Serving, see `serving`.
        announce: called with a line of text for each finished format.
        earlier: card of an earlier export of the same network, whose estimate, evaluations and texts are kept.

    Returns:
        The card.

    Raises:
        FieldError: see `check`.
        ImportError: a format needs an extra that is not installed.
        OSError: another process writes the model's folder, or it cannot be written.
    """
    check(out, formats, replaced, served)
    out = out.resolve()
    with lock.exclusive(out.parent):
        _restore(out)
        check(out, formats, replaced, served)  # another process may have written the version meanwhile
        files.remove_partial(out.parent)
        temporary = files.partial_path(out)
        try:
            with files.named_errors(out):
                temporary.mkdir()
                card = _write_all(trained, temporary, out.parent.name, formats, estimate, served, announce, earlier)
                _move(temporary, out)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return card


def _write_all(
    trained: TrainedModel,
    folder: Path,
    name: str,
    formats: Sequence[str],
    estimate: Mapping | None,
    served: bool,
    announce: Callable[[str], None],
    earlier: Card | None,
) -> Card:
    for key in formats:
        _write(key, trained, folder, formats)
        announce(f"{key}: {FORMATS[key].title}")
    card = card_of(trained, name, estimate, formats)
    if earlier is not None:
        card = replace(earlier, name=card.name, versions=card.versions, formats=card.formats)
    if words := words_of(trained):
        files.make_folder((folder / WORDS).parent)
        files.write_text(folder / WORDS, "\n".join(words) + "\n")
    if served:
        serving.write_warmup(folder, card)
        serving.write_configuration(folder.parent)
        announce("serving: warm-up requests; models.config, batching.config, compose.yaml in the model's folder")
    return card.write(folder)


def _move(new: Path, out: Path) -> None:
    """Moves a folder to its place; an older folder there is removed only after that."""
    old = _replaced(out)
    if out.exists():
        out.rename(old)
    new.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _restore(out: Path) -> None:
    """Ends the replacement of a version that a kill interrupted: the old version gets its place again, or is removed."""
    old = _replaced(out)
    if old.exists() and not out.exists():
        old.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _replaced(out: Path) -> Path:
    """Path of a version while another one takes its place."""
    return out.with_name(f".replaced-{out.name}")


def _write(name: str, trained: TrainedModel, folder: Path, formats: Sequence[str]) -> None:
    from acrnn.export import litert_model, onnx_model, saved_model

    path = folder / FORMATS[name].file
    if name == "saved-model":
        saved_model.write(trained, folder)
    elif name.startswith("onnx"):
        exact = folder / FORMATS["onnx"].file
        if not exact.exists():
            onnx_model.write(trained, exact)
        if name == "onnx-int8":
            onnx_model.quantize(exact, path)
    elif not path.exists():
        litert = [FORMATS[key] for key in formats if key.startswith("litert")]
        litert_model.write(trained, {each.weights: folder / each.file for each in litert})


def words_of(trained: TrainedModel) -> tuple[str, ...]:
    """Vocabulary of a network that takes texts; empty for others."""
    from acrnn.text.embedding import embedding_of

    embedding = embedding_of(trained.model)
    return embedding.vocabulary.words if embedding else ()


def card_of(trained: TrainedModel, name: str, estimate: Mapping | None, formats: Sequence[str]) -> Card:
    """Returns the card of a model; for the arguments see `export`."""
    settings = trained.settings
    return Card(
        name=name,
        system=settings.model,
        summary=trained.system.summary,
        labels=trained.labels,
        frontend=trained.frontend,
        rule=trained.rule,
        pooling=trained.pooling,
        whole_utterances=trained.system.whole_utterances,
        has_attention=any(layer.name == "attention" for layer in trained.model.layers),
        corpus=_corpus_entry(settings.corpus),
        fitted_on=trained.origin,
        estimate=estimate,
        recipe=settings.recipe_fields,
        network=settings.network_fields,
        versions={name: version for name, version in versions().items() if name != "threads"},
        formats={key: FORMATS[key].title for key in formats},
        auxiliary_inputs=trained.auxiliary_inputs,
        speaker_embedding_size=settings.network_fields.get("speaker_embedding_size", 0),
        speaker_prior=trained.prior.to_dict() if trained.prior else None,
        speaker_dense=trained.dense_statistics(),
        other_corpora={
            use: {key: corpus[key] for key in CORPUS_FIELDS} for use, corpus in settings.other_corpora.items()
        },
        sounds=trained.sounds.to_dict() if trained.sounds else None,
    )


def _corpus_entry(corpus: CorpusInfo) -> dict[str, str]:
    """Returns the description of the corpus, with the optional fields that it has: their absence leaves identities as they were."""
    entry = {key: getattr(corpus, key) for key in _CORPUS_KEYS}
    return entry | {key: value for key in ("reader", "speakers") if (value := getattr(corpus, key))}


def estimate_of(folder: Path, seeds: Sequence[int] = ()) -> dict:
    """Returns the cross-validated performance of an experiment, for the card, with the name of a deliberate leak.

    Args:
        folder: output folder of the experiment.
        seeds: random seeds of the networks of an ensemble, whose performance is that of their averaged posteriors; none or one for a
            single network.

    Raises:
        FileNotFoundError: the folder holds no finished run.
        FieldError: see `ensembles.estimate.fused`.
        ValueError: a file is damaged.
    """
    results, is_ensemble = collect_results(folder), len(seeds) > 1
    check_speeds(folder, results.settings)
    overall = (fused(folder, results, seeds) if is_ensemble else results.overall).to_dict()
    leak = {"mistake": results.settings.mistake} if results.settings.mistake else {}
    ensemble = {"fused_seeds": list(seeds)} if is_ensemble else {}
    return {"protocol": results.settings.protocol, **leak, **ensemble, **{key: overall[key] for key in _ESTIMATE_KEYS}}
