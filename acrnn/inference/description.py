"""`acrnn info`: a model's card in a few lines, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from acrnn.inference import locate
from acrnn.model_card import Card


def origin(card: Card) -> str:
    """Returns training data and performance in one line."""
    trained = f"trained on {_short(card.corpus['title'])}, {card.trained_on}"
    for use, corpus in card.other_corpora.items():
        trained = f"{trained}, {use} on {_short(corpus['title'])}"
    figures = [f"UAR {100 * card.estimate['uar_fold_mean']:.1f} % on {card.tested_on}"] if card.estimate else []
    for tested in card.evaluations:
        share, count = 100 * tested["results"][0]["uar"], tested["utterances"]
        figures.append(f"{share:.1f} % on {count} recordings of {_short(tested['corpus'])}")
    measured = ", ".join(figures) or "not measured on other speakers"
    return f"{trained}; {measured}; expect less on recordings of other kinds"


def _short(title: str) -> str:
    """The name at the start of the title of a corpus."""
    return title.split(",")[0]


def info(model: str | None, style: str = "text") -> int:
    """Prints a model's card.

    Args:
        model: name or folder of the model; None for the included one.
        style: "text", "json" or "markdown".
    """
    folder = locate.version_folder(model or locate.DEFAULT)
    card = Card.read(folder)
    if style == "json":
        print(json.dumps(card.to_dict(), ensure_ascii=False, indent=1))
    elif style == "markdown":
        print(card.markdown(), end="")
    else:
        for name, text in _lines(card, folder):
            print(f"{name:13} {text}")
    return 0


def _lines(card: Card, folder: Path) -> Iterator[tuple[str, str]]:
    yield "model", f"{card.name} ({folder})"
    yield "system", f"{card.system}, {card.summary}"
    yield "emotions", ", ".join(card.labels)
    yield "input", f"mono speech at {card.sample_rate_hz} Hz, up to {card.max_seconds:g} s (other rates are converted)"
    if card.auxiliary_inputs:
        yield "takes", card.inputs
    if card.takes_speaker:
        yield "speaker", "takes speaker profiles (acrnn enrol)"
    yield "training data", origin(card)
    yield "licence", f"of the data: {card.corpus['licence']}"
    for use, corpus in card.other_corpora.items():
        yield "", f"of the data for {use}: {corpus['licence']}"
    yield "training", card.recipe_summary()
    yield "network", card.network_summary()
    if card.estimate:
        yield from _estimate_lines(card.estimate)
    yield "formats", ", ".join(f"{name} ({text})" for name, text in card.formats.items())
    yield "versions", ", ".join(f"{name} {text}" for name, text in card.versions.items())


def _estimate_lines(estimate: Mapping) -> Iterator[tuple[str, str]]:
    coverage = f"{estimate['coverage']['folds']} folds x {estimate['coverage']['seeds']} seeds"
    if seeds := estimate.get("fused_seeds"):
        coverage = f"{estimate['coverage']['folds']} folds, mean probabilities of seeds {', '.join(map(str, seeds))}"
    yield (
        "performance",
        f"UAR {100 * estimate['uar_fold_mean']:.1f} % (mean of folds), {estimate['protocol']}, {coverage}",
    )
    yield "recall", ", ".join(_recall(row) for row in estimate["per_class"])


def _recall(row: Mapping) -> str:
    recall = "–" if row["recall"] is None else f"{100 * row['recall']:.0f} %"
    return f"{row['emotion']} {recall}"
