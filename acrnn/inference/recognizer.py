"""The recogniser: a sound file or an array in, plain objects out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acrnn import audio
from acrnn.inference import locate, runtimes
from acrnn.model_card import Card
from acrnn.segments import attention_by_frame

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3"})
_REMEDIES = {
    "text": "pass text=…, on the command line --text or --transcripts",
    "speaker_embedding": "pass speaker_embedding=…, on the command line --speaker-embeddings",
}
_AT_ONCE = 16  # files of a folder that are read before they are recognized together


@dataclass(frozen=True)
class Segment:
    """What was said of a part of an utterance."""

    start_seconds: float
    end_seconds: float
    emotion: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """What was said of an utterance.

    Attributes:
        source: the file, or "array".
        emotion: the most probable one.
        probabilities: by emotion, in the model's order; they sum to one.
        segments: in the order of time.
        attention_seconds, attention: for each frame where its middle lies, and how much it counted: 1 is an even share
            of its segment, a later segment covers an earlier one, 0 where there is none; both empty for a network without attention.
        duration_seconds: of the utterance.
    """

    source: str
    emotion: str
    probabilities: dict[str, float]
    segments: tuple[Segment, ...]
    attention_seconds: tuple[float, ...]
    attention: tuple[float, ...]
    duration_seconds: float

    def to_dict(self) -> dict:
        """JSON-ready fields, rounded to six digits."""
        return {
            "source": self.source,
            "emotion": self.emotion,
            "probabilities": _rounded(self.probabilities),
            "duration_seconds": round(self.duration_seconds, 6),
            "segments": [
                {
                    "start_seconds": round(segment.start_seconds, 6),
                    "end_seconds": round(segment.end_seconds, 6),
                    "emotion": segment.emotion,
                    "probabilities": _rounded(segment.probabilities),
                }
                for segment in self.segments
            ],
            "attention_seconds": [round(value, 6) for value in self.attention_seconds],
            "attention": [round(value, 6) for value in self.attention],
        }


@dataclass(frozen=True)
class Failure:
    """A file that could not be recognized, and why."""

    source: str
    reason: str


def _rounded(probabilities: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) for name, value in probabilities.items()}


class Recognizer:
    """A trained recogniser. `load` makes one.

    Args:
        card: of the model.
        run: what runs it.
        runtime: its name.
        folder: where it lies.
    """

    def __init__(self, card: Card, run: runtimes.Run, runtime: str, folder: Path):
        self.card, self.runtime, self.folder = card, runtime, folder
        self._run = run

    @classmethod
    def load(
        cls, model: str | Path = locate.DEFAULT, runtime: str = runtimes.AUTO, threads: int | None = None
    ) -> Recognizer:
        """Loads a model.

        Args:
            model: the name of one that came with the package, or the folder of an exported one.
            runtime: a key of `runtimes.RUNTIMES`, or "auto": what is installed, the quickest to start first.
            threads: for the arithmetic; None leaves it to the runtime.

        Raises:
            FileNotFoundError: there is no such model, or no file of it for the runtime.
            ValueError: it is damaged.
            ImportError: the runtime is not installed; the message names the extra.
        """
        folder = locate.version_folder(model)
        card = Card.read(folder)
        name, run = runtimes.start(folder, card, runtime, threads)
        return cls(card, run, name, folder)

    @property
    def labels(self) -> tuple[str, ...]:
        """Emotions in the model's order."""
        return self.card.labels

    def predict(
        self,
        source: str | Path | np.ndarray,
        sample_rate_hz: int | None = None,
        text: str | None = None,
        speaker_embedding: np.ndarray | None = None,
    ) -> Prediction:
        """What the model says of an utterance.

        Args:
            source: a sound file, or a waveform float [samples] or [samples, channels] in [-1, 1], or int16.
            sample_rate_hz: of an array; a file knows its own.
            text: what is said, for a model that reads (`card.companions` tells).
            speaker_embedding: float [size], for a model that takes one.

        Raises:
            FileNotFoundError: there is no such file.
            audio.AudioError: it is not audio that can be used, or shorter than a window or longer than the model hears;
                the message names the file and the remedy.
            ValueError: what the model takes beside the sound is not given, or what is given it does not take.
        """
        return self.predict_batch([source], sample_rate_hz, [text], [speaker_embedding])[0]

    def predict_batch(
        self,
        sources: Sequence[str | Path | np.ndarray],
        sample_rate_hz: int | None = None,
        texts: Sequence[str | None] | None = None,
        speaker_embeddings: Sequence[np.ndarray | None] | None = None,
    ) -> list[Prediction]:
        """What the model says of several utterances: the same as of each alone, in less time."""
        names = [self._name(source) for source in sources]
        nothing = [None] * len(names)
        given = zip(names, texts or nothing, nothing if speaker_embeddings is None else speaker_embeddings, strict=True)
        beside = [self._beside(name, {"text": text, "speaker_embedding": voice}) for name, text, voice in given]
        return self._predictions(names, [self.waveform(source, sample_rate_hz) for source in sources], beside)

    def predict_files(
        self, paths: Iterable[str | Path], beside: Callable[[Path], Mapping[str, object]] = lambda path: {}
    ) -> Iterator[Prediction | Failure]:
        """What the model says of any number of files, in order; a bad one is a `Failure` and the others go on.

        Args:
            beside: what there is of a file beside its sound: "text", "speaker_embedding".
        """
        group: list[tuple[str, np.ndarray | Failure, Mapping[str, object]]] = []
        for path in paths:
            try:
                group.append((str(path), self.waveform(path), self._beside(str(path), beside(Path(path)))))
            except (OSError, ValueError) as error:
                group.append((str(path), Failure(str(path), str(error)), {}))
            if len(group) == _AT_ONCE:
                yield from self._grouped(group)
                group = []
        yield from self._grouped(group)

    def predict_folder(self, folder: str | Path) -> Iterator[Prediction | Failure]:
        """What the model says of every sound file in a folder and the folders in it.

        Raises:
            FileNotFoundError: there is no such folder, or no sound file in it.
        """
        return self.predict_files(sound_files(folder))

    def stream(self, sample_rate_hz: int | None = None, window_seconds: float = 3.0, hop_seconds: float = 1.0):
        """A stream: push samples, get a decision every hop; see `streaming.Stream`."""
        if self.card.auxiliary_inputs:
            raise ValueError(
                f"{self.card.name}: takes {_listed(self.card.auxiliary_inputs)} too, which a stream does not have"
            )
        from acrnn.inference.streaming import Stream

        return Stream(self, sample_rate_hz or self.card.sample_rate_hz, window_seconds, hop_seconds)

    def waveform(self, source: str | Path | np.ndarray, sample_rate_hz: int | None = None) -> np.ndarray:
        """The waveform as the model hears it: mono, float32, at its rate, checked; see `predict`."""
        name, rate = self._name(source), self.card.sample_rate_hz
        if isinstance(source, np.ndarray):
            found = audio.resampled(audio.mono(source, name), self._rate(sample_rate_hz), rate)
        else:
            self._refuse_long(audio.duration_seconds(source), name)  # before it is read
            found = audio.load_waveform(source, rate)
        return self._checked(found, name)

    def _beside(self, name: str, given: Mapping[str, object]) -> dict[str, object]:
        """What the model takes beside the sound, refused unless it is that and no more."""
        there = {key: value for key, value in given.items() if value is not None}
        for key in there.keys() - set(self.card.auxiliary_inputs):
            raise ValueError(f"{name}: {_listed([key])} is given, and the model does not take it; leave it out")
        for key in self.card.auxiliary_inputs:
            if key not in there:
                raise ValueError(f"{name}: the model takes {_listed([key])} too; {_REMEDIES[key]}")
        size = np.shape(there.get("speaker_embedding", np.zeros(self.card.speaker_embedding_size)))
        if size != (self.card.speaker_embedding_size,):
            raise ValueError(
                f"{name}: a speaker embedding of shape {size}; the model takes {self.card.speaker_embedding_size} values"
            )
        return there

    def _rate(self, sample_rate_hz: int | None) -> int:
        if sample_rate_hz is None:
            raise ValueError("an array has no sampling rate of its own; pass sample_rate_hz")
        if sample_rate_hz <= 0:
            raise ValueError(f"sample_rate_hz {sample_rate_hz}: it must be above 0")
        return sample_rate_hz

    def _checked(self, waveform: np.ndarray, name: str) -> np.ndarray:
        audio.check_waveform(waveform, name)
        seconds = len(waveform) / self.card.sample_rate_hz
        if len(waveform) < self.card.frontend.window_samples:
            raise audio.AudioError(
                f"{name}: {1000 * seconds:.1f} ms long, shorter than one analysis window "
                f"({1000 * self.card.frontend.window_seconds:g} ms); leave it out"
            )
        self._refuse_long(seconds, name)
        return waveform

    def _refuse_long(self, seconds: float, name: str) -> None:
        if seconds > self.card.max_seconds:
            raise audio.AudioError(
                f"{name}: {seconds:.1f} s long, the model hears up to {self.card.max_seconds:g} s; cut it"
            )

    @staticmethod
    def _name(source: str | Path | np.ndarray) -> str:
        return "array" if isinstance(source, np.ndarray) else str(source)

    def _grouped(
        self, group: Sequence[tuple[str, np.ndarray | Failure, Mapping[str, object]]]
    ) -> Iterator[Prediction | Failure]:
        good = [one for one in group if not isinstance(one[1], Failure)]
        said = iter(self._predictions(*([one[place] for one in good] for place in range(3))))
        for _, waveform, _ in group:
            yield waveform if isinstance(waveform, Failure) else next(said)

    def _predictions(
        self, names: Sequence[str], waveforms: Sequence[np.ndarray], beside: Sequence[Mapping[str, object]]
    ) -> list[Prediction]:
        said = self._run(waveforms, beside)
        return [self._prediction(*one) for one in zip(names, waveforms, said, strict=True)]

    def _prediction(self, name: str, waveform: np.ndarray, raw: runtimes.Raw) -> Prediction:
        seconds, hop = len(waveform) / self.card.sample_rate_hz, self.card.frontend.hop_seconds
        window = self.card.frontend.window_seconds
        segments = tuple(
            Segment(
                start_seconds=float(start * hop),
                end_seconds=float(min(seconds, (start + count - 1) * hop + window)),
                emotion=self._emotion(row),
                probabilities=self._by_emotion(row),
            )
            for start, count, row in zip(raw.segment_starts, raw.segment_frames, raw.segment_probabilities, strict=True)
        )
        attention = np.zeros(0)
        if raw.attention:
            attention = np.nan_to_num(attention_by_frame(raw.attention, raw.segment_starts, raw.segment_frames))
        middles = np.arange(len(attention)) * hop + window / 2
        return Prediction(
            source=name,
            emotion=self._emotion(raw.probabilities),
            probabilities=self._by_emotion(raw.probabilities),
            segments=segments,
            attention_seconds=tuple(middles.tolist()),
            attention=tuple(attention.tolist()),
            duration_seconds=seconds,
        )

    def _emotion(self, probabilities: np.ndarray) -> str:
        return self.labels[int(np.argmax(probabilities))]

    def _by_emotion(self, probabilities: np.ndarray) -> dict[str, float]:
        return dict(zip(self.labels, map(float, probabilities), strict=True))


def _listed(auxiliary_inputs: Iterable[str]) -> str:
    return " and ".join(name.replace("_", " ") for name in auxiliary_inputs)


def sound_files(folder: str | Path) -> list[Path]:
    """The sound files in a folder and the folders in it, by name.

    Raises:
        FileNotFoundError: there is no such folder, or no sound file in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; check the path")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise FileNotFoundError(f"{folder}: no sound file in it ({', '.join(sorted(SUFFIXES))}); check the path")
    return found
