"""`acrnn predict` and `acrnn enrol`: output for people and for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from acrnn import files, vector_tables
from acrnn.errors import FieldError, UsageError
from acrnn.inference import sound_arguments
from acrnn.inference.description import origin
from acrnn.inference.embeddings import EmbeddingOutput
from acrnn.inference.embeddings.output import NO_SPEECH
from acrnn.inference.parallel import Parallel
from acrnn.inference.prediction import Failure, Prediction
from acrnn.inference.recognizer import Recognizer
from acrnn.inference.speaker_profile import SpeakerProfile
from acrnn.model_card import Card
from acrnn.progress import ProgressLine
from acrnn.text import transcripts

Writer = Callable[[Prediction | Failure], None]
_MOST_PLOTTED = 12
_BAR_WIDTH = 24
_OPTIONS = {"text": "--text TEXT or --transcripts FILE", "speaker_embedding": "--speaker-embeddings FILE"}


@dataclass(frozen=True)
class AuxiliaryInputTables:
    """Auxiliary inputs of sound files, from the command line.

    Attributes:
        text: transcript of the only file.
        transcripts: transcripts by file name, with or without folder and suffix.
        speaker_embeddings: float [size] by file name, likewise.
    """

    text: str | None = None
    transcripts: Mapping[str, str] = field(default_factory=dict)
    speaker_embeddings: Mapping[str, np.ndarray] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str | None, transcript_file: Path | None, embedding_file: Path | None) -> AuxiliaryInputTables:
        """Reads the files that the options of the command line name."""
        texts = transcripts.read(transcript_file) if transcript_file else {}
        return cls(text, texts, vector_tables.read(embedding_file) if embedding_file else {})

    def of(self, path: Path) -> dict[str, object]:
        """Auxiliary inputs of one file."""
        inputs: dict[str, object] = {"text": self.text} if self.text is not None else {}
        tables: dict[str, Mapping[str, object]] = {
            "text": self.transcripts,
            "speaker_embedding": self.speaker_embeddings,
        }
        for name, table in tables.items():
            for key in (str(path), path.name, path.stem):
                if key in table:
                    inputs[name] = table[key]
        return inputs


def predict(
    recognizer: Recognizer,
    paths: Sequence[Path],
    style: str,
    plot: Path | None = None,
    auxiliary_inputs: AuxiliaryInputTables | None = None,
    speaker: Path | None = None,
    embeddings: Path | None = None,
    embeddings_figure: Path | None = None,
    parallel: Parallel | None = None,
) -> int:
    """Prints the prediction for every file as soon as it is known.

    Args:
        recognizer: the model.
        paths: sound files, folders that stand for the sound files in them, and `sound_arguments.STANDARD_INPUT`.
        style: "text", "json" (one object a line), "csv", or "none".
        plot: PNG file for a figure of the first dozen predictions.
        auxiliary_inputs: auxiliary inputs of the files.
        speaker: profile of the speaker of all files, see `enrol`.
        embeddings: NPZ or Parquet file for the embeddings, see `embeddings.tables`.
        embeddings_figure: PNG file for a map of the embeddings, by recognized emotion.
        parallel: recognizes the files in other processes; None for this one.

    Returns:
        The exit status: 1 if a file failed.
    """
    if plot and plot.suffix.lower() != ".png":
        raise UsageError(f"--plot {plot}: it writes PNG; let the name end with .png")
    if plot and sound_arguments.STANDARD_INPUT in paths:
        raise UsageError("--plot: standard input can be read only once; save the sound as a file")
    sounds = sound_arguments.sounds(paths)
    auxiliary_inputs = auxiliary_inputs or AuxiliaryInputTables()
    if auxiliary_inputs.text is not None and len(sounds) > 1:
        raise UsageError(f"--text: one text for {len(sounds)} files; use --transcripts FILE")
    embedded = EmbeddingOutput(embeddings, embeddings_figure, len(sounds))
    profile = None if speaker is None else SpeakerProfile.load(speaker)
    output = _Output(_WRITERS[style](recognizer.card), embedded, len(sounds))
    with output:
        if parallel is None:
            for result in recognizer.predict_files(sounds, auxiliary_inputs.of, profile):
                output.take(result)
        else:
            is_brief = style != "json" and plot is None and not embedded.is_needed
            parallel.predict_files(recognizer, sounds, output.take, auxiliary_inputs.of, profile, is_brief)
    if output.failures:
        _print_failures(output.failures, len(sounds), recognizer.card)
    embedded.write()
    if plot and output.predictions:
        _plot(recognizer, output.predictions, plot)
    return 1 if output.failures else 0


def enrol(recognizer: Recognizer, paths: Sequence[Path], out: Path) -> int:
    """Writes the profile of a speaker.

    Args:
        recognizer: a model that takes speaker profiles.
        paths: recordings of one speaker, folders that stand for the sound files in them, and `sound_arguments.STANDARD_INPUT`.
        out: the JSON file to write; it must not exist yet.

    Raises:
        FieldError: the file exists.
        ValueError: see `Recognizer.enrol`.
    """
    if out.exists():
        raise FieldError("out", out, "it exists already; delete it, or choose another name")
    sounds = sound_arguments.sounds(paths)
    profile = recognizer.enrol(sounds)
    profile.save(out)
    print(f"{out}: {profile.num_recordings} recordings, {profile.seconds:.1f} s")
    return 0


class _Output(ProgressLine):
    """Writes the result for every file, and shows the progress; keeps the first dozen predictions and all failures."""

    def __init__(self, write: Writer, embedded: EmbeddingOutput, num_files: int):
        super().__init__("recognizing", "files")
        self.write, self.embedded, self.num_files = write, embedded, num_files
        self.written = 0
        self.predictions: list[Prediction] = []
        self.failures: list[Failure] = []

    def take(self, result: Prediction | Failure) -> None:
        """Takes the result for the next file."""
        self.embedded.take(result)
        self.write(result)
        self.written += 1
        if isinstance(result, Failure):
            self.failures.append(result)
        elif len(self.predictions) < _MOST_PLOTTED:
            self.predictions.append(result)
        if self.num_files > 1:
            self.update(self.written, self.num_files, f"({len(self.failures)} failed)" if self.failures else "")


def _print_failures(failures: Sequence[Failure], num_files: int, card: Card) -> None:
    print(f"{len(failures)} of {num_files} files failed:", file=sys.stderr)
    for failure in failures:
        print(f"  {failure.reason}", file=sys.stderr)
    if card.auxiliary_inputs:
        options = ", ".join(_OPTIONS[name] for name in card.auxiliary_inputs)
        print(f"{card.name} takes {card.inputs}; options: {options}", file=sys.stderr)


def _plot(recognizer: Recognizer, predictions: Sequence[Prediction], path: Path) -> None:
    from acrnn import figures

    files.make_folder(path.parent)
    figures.write_png(figures.predictions([example(recognizer, each) for each in predictions]), path)
    print(f"figure: {path}", file=sys.stderr)


def example(recognizer: Recognizer, prediction: Prediction, waveform: np.ndarray | None = None) -> dict:
    """Returns the input of `figures.predictions` for a prediction; reads the waveform from its file if it is None."""
    samples = recognizer.waveform(prediction.source) if waveform is None else waveform
    frontend = recognizer.card.frontend
    return {
        "title": f"{Path(prediction.source).name}: {prediction.emotion or NO_SPEECH}",
        "waveform": samples,
        "sample_rate_hz": recognizer.card.sample_rate_hz,
        "bands": frontend.extract(samples)[:, :, 0],
        "band_name": frontend.band_name,
        "hop_seconds": frontend.hop_seconds,
        "attention_seconds": prediction.attention_seconds,
        "attention": prediction.attention,
        "probabilities": prediction.probabilities,
    }


def _text(card: Card) -> Writer:
    print(f"# {card.name}: {origin(card)}", file=sys.stderr)
    block = _block()

    def write(result: Prediction | Failure) -> None:
        if isinstance(result, Failure):
            return
        print(f"{result.source}: {result.emotion or NO_SPEECH} ({result.duration_seconds:.2f} s)")
        if result.emotion is None:
            return
        shares = sorted(result.probabilities.items(), key=lambda item: -item[1])
        for name, share in shares[:3]:
            print(f"  {name:12} {100 * share:5.1f} %  {block * round(_BAR_WIDTH * share)}")

    return write


def _block() -> str:
    """The character of a bar, one that standard output can encode."""
    try:
        "█".encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return "#"
    return "█"


def _json(card: Card) -> Writer:
    def write(result: Prediction | Failure) -> None:
        if isinstance(result, Failure):
            line = {"source": result.source, "model": card.name, "error": result.reason}
        else:
            line = {**result.to_dict(), "model": card.name}
        print(json.dumps(line, ensure_ascii=False), flush=True)

    return write


def _csv(card: Card) -> Writer:
    table = csv.writer(sys.stdout)
    table.writerow(["source", "emotion", *card.labels, "error"])

    def write(result: Prediction | Failure) -> None:
        if isinstance(result, Failure):
            table.writerow([result.source, "", *[""] * len(card.labels), result.reason])
        else:
            shares = [f"{result.probabilities[name]:.6f}" for name in card.labels]
            table.writerow([result.source, result.emotion, *shares, "" if result.emotion else NO_SPEECH])

    return write


def _none(card: Card) -> Writer:
    """Prints nothing, for output that goes into files."""
    return lambda result: None


_WRITERS: dict[str, Callable[[Card], Writer]] = {"text": _text, "json": _json, "csv": _csv, "none": _none}
