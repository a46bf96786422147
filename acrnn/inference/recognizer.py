"""The recognizer: takes sound files or arrays and returns plain objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from acrnn import audio
from acrnn.inference import inputs, locate, runtimes, speech_detector
from acrnn.inference.inputs import File, Source
from acrnn.inference.prediction import Failure, Prediction
from acrnn.inference.runtimes import AuxiliaryInputs
from acrnn.inference.speaker_profile import RunningProfile, SpeakerProfile
from acrnn.model_card import Card

if TYPE_CHECKING:
    from acrnn.inference.streaming import Stream

FILES_AT_ONCE = 16  # files that are read before they are recognized together


class _Utterance(NamedTuple):
    """An utterance that was read and checked."""

    name: str
    waveform: np.ndarray
    auxiliary_inputs: AuxiliaryInputs


class Recognizer:
    """A trained model that recognizes emotions. `Recognizer.load` makes one.

        >>> recognizer = Recognizer.load()
        >>> recognizer.predict("speech.wav").emotion in recognizer.labels
        True

    Args:
        card: card of the model.
        run: runs the model, see `runtimes`.
        runtime: name of the runtime, a key in `model_card.FORMATS`.
        folder: version folder of the model.
        check_speech: see `load`.
    """

    def __init__(self, card: Card, run: runtimes.Run, runtime: str, folder: Path, check_speech: bool = True):
        self.card, self.runtime, self.folder = card, runtime, folder
        self.check_speech = check_speech
        self._run = run

    @classmethod
    def load(
        cls,
        model: str | Path = locate.DEFAULT,
        runtime: str = runtimes.AUTO,
        threads: int | None = None,
        check_speech: bool = True,
    ) -> Recognizer:
        """Loads a model.

        Args:
            model: name of an included model, or folder of an exported one.
            runtime: a key in `model_card.FORMATS`, or "auto" for the installed runtime that starts fastest.
            threads: number of threads; None leaves it to the runtime.
            check_speech: look for speech in every recording; where none is found, the prediction has no emotion.

        Raises:
            FileNotFoundError: the model does not exist, or has no file for the runtime.
            ValueError: the model is damaged.
            ImportError: the runtime is not installed; the message names the extra.
        """
        folder = locate.version_folder(model)
        card = Card.read(folder)
        name, run = runtimes.start(folder, card, runtime, threads)
        return cls(card, run, name, folder, check_speech)

    @property
    def labels(self) -> tuple[str, ...]:
        """Emotions in the model's order."""
        return self.card.labels

    def predict(
        self,
        source: Source,
        sample_rate_hz: int | None = None,
        text: str | None = None,
        speaker_embedding: np.ndarray | None = None,
        speaker: SpeakerProfile | None = None,
    ) -> Prediction:
        """Predicts the emotion of an utterance.

        Args:
            source: sound file, or waveform: float [samples] or [samples, channels] in [-1, 1], or int16.
            sample_rate_hz: sampling rate of an array; not needed for a file.
            text: transcript, for a model that takes texts (see `card.auxiliary_inputs`).
            speaker_embedding: float [size], for a model that takes one.
            speaker: profile of the speaker, see `enrol`, for a model that takes one (see `card.takes_speaker`).

        Raises:
            FileNotFoundError: the file does not exist.
            audio.AudioError: the sound cannot be used: damaged, silent, too short or too long; the message names the
                file and the remedy.
            ValueError: an auxiliary input of the model is missing, or the model does not take it.
        """
        return self.predict_batch([source], sample_rate_hz, [text], [speaker_embedding], speaker)[0]

    def predict_batch(
        self,
        sources: Sequence[Source],
        sample_rate_hz: int | None = None,
        texts: Sequence[str | None] | None = None,
        speaker_embeddings: Sequence[np.ndarray | None] | None = None,
        speaker: SpeakerProfile | None = None,
    ) -> list[Prediction]:
        """Predicts the emotions of several utterances: the same predictions as one by one, in less time.

        Args:
            sources: sound files or waveforms, see `predict`.
            sample_rate_hz: sampling rate of the arrays.
            texts, speaker_embeddings, speaker: see `predict`; the latter is the speaker of all sources.
        """
        names = [inputs.name_of(source) for source in sources]
        texts = [None] * len(names) if texts is None else texts
        embeddings = [None] * len(names) if speaker_embeddings is None else speaker_embeddings
        auxiliary_inputs = [
            inputs.checked(self.card, name, {"text": text, "speaker_embedding": embedding}, speaker)
            for name, text, embedding in zip(names, texts, embeddings, strict=True)
        ]
        return self._predictions(
            [
                _Utterance(name, self.waveform(source, sample_rate_hz), checked)
                for name, source, checked in zip(names, sources, auxiliary_inputs, strict=True)
            ]
        )

    def predict_files(
        self,
        paths: Iterable[File | audio.Part],
        auxiliary_inputs: Callable[[Path], AuxiliaryInputs] = lambda path: {},
        speaker: SpeakerProfile | None = None,
    ) -> Iterator[Prediction | Failure]:
        """Predicts the emotions of any number of files, in order; a file that fails gives a `Failure`.

        Args:
            paths: sound files, parts of them, or the content of one that has no path.
            auxiliary_inputs: returns the auxiliary inputs of a file: "text", "speaker_embedding".
            speaker: profile of the speaker of all files.
        """
        self.check_speaker(speaker)
        group: list[_Utterance | Failure] = []
        for path in paths:
            name = str(path)
            try:
                checked = inputs.checked(self.card, name, auxiliary_inputs(Path(name)), speaker)
                group.append(_Utterance(name, self.waveform(path), checked))
            except (OSError, ValueError) as error:
                group.append(Failure(name, str(error)))
            if len(group) == FILES_AT_ONCE:
                yield from self._group_results(group)
                group = []
        yield from self._group_results(group)

    def check_speaker(self, speaker: SpeakerProfile | None) -> None:
        """Refuses the profile of a speaker that was made with another model, which is no failure of a file.

        Raises:
            ValueError: it was, or the model takes no profiles.
        """
        if speaker:
            inputs.of_speaker(self.card, "the files", speaker)

    def predict_folder(self, folder: str | Path) -> Iterator[Prediction | Failure]:
        """Predicts the emotions of all sound files in a folder and its subfolders.

        Raises:
            FileNotFoundError: see `audio.sound_files`.
        """
        return self.predict_files(audio.sound_files(folder))

    def enrol(self, sources: Iterable[Source], sample_rate_hz: int | None = None) -> SpeakerProfile:
        """Returns the profile of a speaker, for predictions: of recordings of any emotion, ten or more if possible.

        Args:
            sources: sound files or waveforms, see `predict`.
            sample_rate_hz: sampling rate of the waveforms.

        Raises:
            FileNotFoundError, audio.AudioError: see `predict`.
            ValueError: the model takes no profiles, or there is no recording.
        """
        inputs.check_takes_speaker(self.card)
        running = RunningProfile(self.card)
        sources = list(sources)
        waveforms = [self.waveform(source, sample_rate_hz) for source in sources]
        if not waveforms:
            raise ValueError("no recording to enroll the speaker with; name at least one")
        for source, waveform in zip(sources, waveforms, strict=True):
            if self.has_speech(waveform) is False:
                raise audio.AudioError(f"{inputs.name_of(source)}: no speech found; leave it out")
        for waveform in waveforms:
            running.add_features(self.card.frontend.extract(waveform))
        profile = running.profile()
        given = [inputs.checked(self.card, inputs.name_of(source), {}, profile) for source in sources]
        for raw in self._run(waveforms, given):
            running.add_embeddings(raw.embeddings)
        return running.profile()

    def stream(
        self,
        sample_rate_hz: int | None = None,
        window_seconds: float = 3.0,
        hop_seconds: float = 1.0,
        adapt: bool = False,
        speaker: SpeakerProfile | None = None,
    ) -> Stream:
        """Returns a stream that takes samples and returns a decision every hop; see `streaming.Stream`.

        Args:
            sample_rate_hz: sampling rate of the samples; None for that of the model.
            window_seconds, hop_seconds: length of a window, and distance between the starts of windows.
            adapt: adapt the model to the speaker, by the statistics of the latest minutes of the stream.
            speaker: profile of the speaker, see `enrol`, if the model does not adapt.

        Raises:
            ValueError: the model takes more than sound, or no speaker profiles to adapt by, or a length is out of range.
        """
        if self.card.auxiliary_inputs:
            raise ValueError(f"{self.card.name}: takes {self.card.inputs}; a stream has sound only")
        from acrnn.inference.streaming import Stream

        if adapt:
            inputs.check_takes_speaker(self.card)
        rate = sample_rate_hz or self.card.sample_rate_hz
        return Stream(self.predict, self.has_speech, self.card, rate, window_seconds, hop_seconds, adapt, speaker)

    def waveform(self, source: Source, sample_rate_hz: int | None = None) -> np.ndarray:
        """Returns the waveform that the model receives: mono, float32 [samples] at its rate, checked; see `predict`."""
        name, rate = inputs.name_of(source), self.card.sample_rate_hz
        if isinstance(source, np.ndarray):
            waveform = audio.resampled(audio.mono(source, name), inputs.checked_rate(sample_rate_hz), rate)
        elif isinstance(source, audio.Part):
            waveform = audio.load_waveform(source.path, rate, source.start_seconds, source.end_seconds)
        else:
            self._check_duration(audio.duration_seconds(source), name)  # before the file is decoded
            waveform = audio.load_waveform(source, rate)
        return self._checked_waveform(waveform, name)

    def has_speech(self, waveform: np.ndarray) -> bool | None:
        """Returns whether a waveform of `waveform` contains speech; None if the recognizer does not check it."""
        return speech_detector.has_speech(waveform, self.card.sample_rate_hz) if self.check_speech else None

    def _checked_waveform(self, waveform: np.ndarray, name: str) -> np.ndarray:
        audio.check_waveform(waveform, name)
        seconds = len(waveform) / self.card.sample_rate_hz
        if len(waveform) < self.card.frontend.window_samples:
            raise audio.AudioError(
                f"{name}: {1000 * seconds:.1f} ms long, shorter than one analysis window "
                f"({1000 * self.card.frontend.window_seconds:g} ms); leave it out"
            )
        self._check_duration(seconds, name)
        return waveform

    def _check_duration(self, seconds: float, name: str) -> None:
        most = self.card.max_seconds
        if seconds > most:
            remedy = "cut it" if self.card.auxiliary_inputs else "cut it, or use acrnn predict --timeline"
            raise audio.AudioError(f"{name}: {seconds:.1f} s long, the model takes up to {most:g} s; {remedy}")

    def _group_results(self, group: Sequence[_Utterance | Failure]) -> Iterator[Prediction | Failure]:
        utterances = [entry for entry in group if not isinstance(entry, Failure)]
        try:
            results: Iterator[Prediction | Failure] = iter(self._predictions(utterances))
        except Exception:  # runtimes have errors of their own; the others of the group are recognized all the same
            results = iter([self._alone(utterance) for utterance in utterances])
        for entry in group:
            yield entry if isinstance(entry, Failure) else next(results)

    def _alone(self, utterance: _Utterance) -> Prediction | Failure:
        try:
            return self._predictions([utterance])[0]
        except MemoryError:
            return Failure(utterance.name, f"{utterance.name}: too little memory for it; cut it, or end other programs")
        except Exception as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
            return Failure(utterance.name, f"{utterance.name}: the model fails on it ({reason}); leave it out")

    def _predictions(self, utterances: Sequence[_Utterance]) -> list[Prediction]:
        outputs = self._run([each.waveform for each in utterances], [each.auxiliary_inputs for each in utterances])
        return [
            Prediction.from_raw(
                self.card, each.name, len(each.waveform) / self.card.sample_rate_hz, raw, self.has_speech(each.waveform)
            )
            for each, raw in zip(utterances, outputs, strict=True)
        ]
