"""`acrnn predict` and `acrnn info`: what is printed, for people and for machines."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from acrnn import files, vector_tables
from acrnn.errors import UsageError
from acrnn.inference import locate
from acrnn.inference.recognizer import Failure, Prediction, Recognizer, sound_files
from acrnn.model_card import Card
from acrnn.progress import ProgressLine
from acrnn.text import transcripts

_MOST_PLOTTED = 12
_BAR = 24


def predict(
    recognizer: Recognizer, paths: Sequence[Path], style: str, plot: Path | None = None, beside: Beside | None = None
) -> int:
    """Prints what the model says of every file, as it comes.

    Args:
        paths: files, and folders that stand for the sound files in them.
        style: "text", "json" (an object a line) or "csv".
        plot: a PNG file to draw the first dozen in.
        beside: what there is of the files beside their sound.

    Returns:
        The exit status: 1 when a file failed.
    """
    if plot and plot.suffix.lower() != ".png":
        raise UsageError(f"--plot {plot}: it writes PNG; let the name end with .png")
    wanted = [found for path in paths for found in (sound_files(path) if path.is_dir() else [path])]
    beside = beside or Beside()
    if beside.text is not None and len(wanted) > 1:
        raise UsageError(f"--text: it is of one utterance, and these are {len(wanted)}; give --transcripts FILE")
    writer = _WRITERS[style](recognizer.card)
    shown: list[Prediction] = []
    failures: list[Failure] = []
    with ProgressLine("recognizing", "files") as progress:
        for number, said in enumerate(recognizer.predict_files(wanted, beside.of), start=1):
            writer(said)
            if isinstance(said, Failure):
                failures.append(said)
            elif len(shown) < _MOST_PLOTTED:
                shown.append(said)
            if len(wanted) > 1:
                progress.update(number, len(wanted), f"({len(failures)} failed)" if failures else "")
    if plot and shown:
        _plot(recognizer, shown, plot)
    if failures:
        print(f"{len(failures)} of {len(wanted)} files failed:", file=sys.stderr)
        for failure in failures:
            print(f"  {failure.reason}", file=sys.stderr)
    return 1 if failures else 0


@dataclass(frozen=True)
class Beside:
    """What there is of sound files beside their sound.

    Attributes:
        text: of the only file.
        transcripts, speaker_embeddings: by the file's name, with or without its ending.
    """

    text: str | None = None
    transcripts: Mapping[str, str] = field(default_factory=dict)
    speaker_embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None, transcript_file: Path | None, embedding_file: Path | None) -> Beside:
        """What the options of the command line name."""
        texts = transcripts.read(transcript_file) if transcript_file else {}
        return cls(text, texts, vector_tables.read(embedding_file) if embedding_file else {})

    def of(self, path: Path) -> dict[str, object]:
        """That of a file."""
        found = {"text": self.text} if self.text is not None else {}
        for name, table in (("text", self.transcripts), ("speaker_embedding", self.speaker_embeddings)):
            for key in (str(path), path.name, path.stem):
                if key in table:
                    found[name] = table[key]
        return found


def _plot(recognizer: Recognizer, shown: Sequence[Prediction], path: Path) -> None:
    from acrnn import figures

    files.make_folder(path.parent)
    figures.write_png(figures.predictions([example(recognizer, said) for said in shown]), path)
    print(f"drawn: {path}", file=sys.stderr)


def example(recognizer: Recognizer, said: Prediction, waveform=None) -> dict:
    """What `figures.predictions` draws of a prediction; the waveform is read from its file unless it is given."""
    found = recognizer.waveform(said.source) if waveform is None else waveform
    frontend = recognizer.card.frontend
    return {
        "title": f"{Path(said.source).name}: {said.emotion}",
        "waveform": found,
        "sample_rate_hz": recognizer.card.sample_rate_hz,
        "bands": frontend.extract(found)[:, :, 0],
        "band_name": frontend.band_name,
        "hop_seconds": frontend.hop_seconds,
        "attention_seconds": said.attention_seconds,
        "attention": said.attention,
        "probabilities": said.probabilities,
    }


def _text(card: Card):
    print(f"# {card.name}: {_origin(card)}", file=sys.stderr)

    def write(said: Prediction | Failure) -> None:
        if isinstance(said, Failure):
            return
        best = sorted(said.probabilities.items(), key=lambda item: -item[1])
        print(f"{said.source}: {said.emotion} ({said.duration_seconds:.2f} s)")
        for name, share in best[:3]:
            print(f"  {name:12} {100 * share:5.1f} %  {'█' * round(_BAR * share)}")

    return write


def _json(card: Card):
    def write(said: Prediction | Failure) -> None:
        if isinstance(said, Failure):
            line = {"source": said.source, "model": card.name, "error": said.reason}
        else:
            line = {**said.to_dict(), "model": card.name}
        print(json.dumps(line, ensure_ascii=False), flush=True)

    return write


def _csv(card: Card):
    table = csv.writer(sys.stdout)
    table.writerow(["source", "emotion", *card.labels, "error"])

    def write(said: Prediction | Failure) -> None:
        if isinstance(said, Failure):
            table.writerow([said.source, "", *[""] * len(card.labels), said.reason])
        else:
            table.writerow(
                [said.source, said.emotion, *[f"{said.probabilities[name]:.6f}" for name in card.labels], ""]
            )

    return write


_WRITERS = {"text": _text, "json": _json, "csv": _csv}


def _origin(card: Card) -> str:
    speakers = len(card.fitted_on["speakers"])
    if not card.estimate:
        return f"fitted on {card.corpus['title']}, {speakers} speakers; not measured on others"
    uar = 100 * card.estimate["uar_pooled"]
    return f"fitted on {card.corpus['title']}, {speakers} speakers; UAR {uar:.1f} % on speakers it had not heard"


def info(model: str | None, as_json: bool) -> int:
    """Prints a model's card."""
    folder = locate.version_folder(model or locate.DEFAULT)
    card = Card.read(folder)
    if as_json:
        print(json.dumps(card.to_dict(), ensure_ascii=False, indent=1))
        return 0
    for name, text in _lines(card, folder):
        print(f"{name:12} {text}")
    return 0


def _lines(card: Card, folder: Path) -> Iterator[tuple[str, str]]:
    yield "model", f"{card.name} ({folder})"
    yield "system", f"{card.system}, {card.summary}"
    yield "says", ", ".join(card.labels)
    yield "hears", f"mono speech at {card.sample_rate_hz} Hz, up to {card.max_seconds:g} s (other rates are converted)"
    if card.auxiliary_inputs:
        yield "takes too", ", ".join(name.replace("_", " ") for name in card.auxiliary_inputs)
    yield "origin", _origin(card)
    yield "licence", f"of the data: {card.corpus['licence']}"
    if card.estimate:
        estimate = card.estimate
        coverage = f"{estimate['coverage']['folds']} folds x {estimate['coverage']['seeds']} seeds"
        yield (
            "estimate",
            f"UAR {100 * estimate['uar_fold_mean']:.1f} % (mean of folds), {estimate['protocol']}, {coverage}",
        )
        yield "recall", ", ".join(_recall(row) for row in estimate["per_class"])
    yield "formats", ", ".join(f"{name} ({text})" for name, text in card.formats.items())
    yield "versions", ", ".join(f"{name} {text}" for name, text in card.versions.items())


def _recall(row: dict) -> str:
    recall = "–" if row["recall"] is None else f"{100 * row['recall']:.0f} %"
    return f"{row['emotion']} {recall}"
