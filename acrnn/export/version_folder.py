"""Writes an exported model: its formats and its card, into a version folder that is whole or not there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from acrnn import files
from acrnn.crossval.environment import versions
from acrnn.crossval.results import collect_results
from acrnn.errors import UsageError
from acrnn.export import serving
from acrnn.export.trained_model import Trained
from acrnn.model_card import FORMATS, WORDS, Card


def check(out: Path, formats: Sequence[str], replaced: bool, served: bool = False) -> None:
    """Refuses a job that would fail after the work is done.

    Raises:
        UsageError: a format is unknown, or the folder is not a version's or is there already.
    """
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"--format {name}: it is unknown; choose from {', '.join(FORMATS)}")
    if served and "saved-model" not in formats:
        raise UsageError("--serving: TensorFlow Serving takes a SavedModel; add saved-model to --format")
    if not out.name.isdecimal():
        raise UsageError(f"--out {out}: its last part is the version, a whole number: {out / '1'}")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name := out.resolve().parent.name):
        raise UsageError(
            f"--out {out}: {name!r} is the model's name; use letters, digits, dots, dashes and underscores"
        )
    if out.exists() and not replaced:
        raise UsageError(f"--out {out}: it is there already; take the next version, or --replace it")


def export(
    trained: Trained,
    out: Path,
    formats: Sequence[str] = ("saved-model",),
    estimate: Mapping | None = None,
    replaced: bool = False,
    served: bool = False,
    announce: Callable[[str], None] = lambda text: None,
) -> Card:
    """Writes a model in some formats, with its card.

    Args:
        trained: what is exported.
        out: folder of the version, such as saved_models/NAME/1.
        formats: keys of FORMATS.
        estimate: see `estimate_of`.
        replaced: whether a version that is there gives way.
        served: add what TensorFlow Serving reads beside a SavedModel; see `serving`.
        announce: takes a line for each format.

    Raises:
        UsageError: see `check`.
        ImportError: a format needs an extra that is not installed.
    """
    check(out, formats, replaced, served)
    out = out.resolve()
    files.make_folder(out.parent)
    temporary = out.with_name(f".partial-{os.getpid()}-{out.name}")
    temporary.mkdir()
    try:
        for name in formats:
            _write(name, trained, temporary)
            announce(f"{name}: {FORMATS[name]}")
        card = card_of(trained, out.parent.name, estimate, formats)
        card.write(temporary)
        if words := words_of(trained):
            files.write_text(temporary / WORDS, "\n".join(words) + "\n")
        if served:
            serving.write_warmup(temporary, card)
            serving.write_configuration(out.parent)
            announce("serving: warm-up requests, and models.config, batching.config, compose.yaml beside the versions")
        _put(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return card


def _put(made: Path, out: Path) -> None:
    """Moves a folder to its place; what was there is gone only when the new one is there."""
    old = made.with_name(f"{made.name}-old")
    if out.exists():
        out.rename(old)
    made.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _write(name: str, trained: Trained, folder: Path) -> None:
    from acrnn.export import litert_model, onnx_model, saved_model

    if name == "saved-model":
        saved_model.write(trained, folder)
    elif name.startswith("onnx"):
        if not (folder / onnx_model.FILE).exists():
            onnx_model.write(trained, folder)
        if name == "onnx-int8":
            onnx_model.quantize(folder)
    else:
        litert_model.write(trained, folder, name.partition("-")[2] or "float32")


def words_of(trained: Trained) -> tuple[str, ...]:
    """The words that a network knows; none for one that reads nothing."""
    from acrnn.text.embedding import embedding_of

    embedding = embedding_of(trained.model)
    return embedding.vocabulary.words if embedding else ()


def card_of(trained: Trained, name: str, estimate: Mapping | None, formats: Sequence[str]) -> Card:
    """The card of a model."""
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
        corpus={key: getattr(settings.corpus, key) for key in ("name", "title", "version", "licence", "citation")},
        fitted_on=trained.origin,
        estimate=estimate,
        recipe=settings.recipe_fields,
        network=settings.network_fields,
        versions=versions(),
        formats={key: FORMATS[key] for key in formats},
        auxiliary_inputs=trained.auxiliary_inputs,
        speaker_embedding_size=settings.network_fields.get("speaker_embedding_size", 0),
    )


def estimate_of(folder: Path) -> dict:
    """What cross-validation says of a recipe on speakers it had not heard, for the card.

    Raises:
        FileNotFoundError, ValueError: the folder holds no finished run, or a damaged one.
    """
    results = collect_results(folder)
    overall = results.overall.to_dict()
    keys = ("uar_fold_mean", "uar_fold_std", "uar_pooled", "uar_pooled_interval", "wa", "per_class", "coverage")
    return {"protocol": results.settings.protocol, **{key: overall[key] for key in keys}}
