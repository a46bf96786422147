"""Recognition of a stream: the caller pushes samples as they arrive and gets a decision every hop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from acrnn import audio
from acrnn.errors import FieldError
from acrnn.inference.prediction import Prediction
from acrnn.inference.speaker_profile import RunningProfile, SpeakerProfile
from acrnn.model_card import Card

HALF_LIFE_SECONDS = 60.0  # of the speech that a stream adapts to

# Takes a mono waveform float32 [samples], its sampling rate in Hz, and the keyword `speaker`, a speaker profile.
Predict = Callable[..., Prediction]
HasSpeech = Callable[[np.ndarray], bool | None]


@dataclass(frozen=True)
class Decision:
    """Prediction for a window of a stream.

    Attributes:
        start_seconds, end_seconds: position of the window, from the start of the stream.
        prediction: prediction for the window as an utterance of its own; None for silence.
    """

    start_seconds: float
    end_seconds: float
    prediction: Prediction | None


class Stream:
    """A stream of samples; it stores no more than the last window.

    The decision for a window equals the prediction for a file of the same samples. A stream of another sampling rate is
    resampled while it arrives, by the same resampler as files.

    Args:
        predict: returns the prediction for a window, such as `Recognizer.predict`.
        has_speech: returns whether a window contains speech, such as `Recognizer.has_speech`.
        card: card of the model.
        sample_rate_hz: sampling rate of the samples that are pushed.
        window_seconds: length of a window.
        hop_seconds: distance between the starts of windows; at most a window.
        adapt: adapt the model to the speaker, see `speaker_profile.RunningProfile`; windows without speech are left out. The decision
            for a window then depends on the windows before it.
        speaker: profile of the speaker, if the model does not adapt.

    Raises:
        FieldError: a length is out of range.
    """

    def __init__(
        self,
        predict: Predict,
        has_speech: HasSpeech,
        card: Card,
        sample_rate_hz: int,
        window_seconds: float = 3.0,
        hop_seconds: float = 1.0,
        adapt: bool = False,
        speaker: SpeakerProfile | None = None,
    ):
        _check_lengths(card, window_seconds, hop_seconds)
        self.predict, self.has_speech, self.rate, self.speaker = predict, has_speech, card.sample_rate_hz, speaker
        self.window, self.hop = round(window_seconds * self.rate), max(1, round(hop_seconds * self.rate))
        self.shortest = card.frontend.window_samples
        self._resampler = None
        if sample_rate_hz != self.rate:
            import soxr

            self._resampler = soxr.ResampleStream(sample_rate_hz, self.rate, 1, dtype="float32", quality="HQ")
        self._samples = np.zeros(0, np.float32)  # samples that later windows still need
        self._start = 0  # position of the first of them in the stream
        self._decided = 0  # end of the last window with a decision
        self._ended = False
        self._profile = RunningProfile(card, HALF_LIFE_SECONDS) if adapt else None

    def push(self, samples: np.ndarray) -> list[Decision]:
        """Takes the next samples and returns a decision for every window that they complete.

        Args:
            samples: float [samples] or [samples, channels] in [-1, 1], or int16; any number of samples.

        Raises:
            audio.AudioError: samples are NaN or infinite; the stream can continue without them.
            ValueError: the stream has ended.
        """
        if self._ended:
            raise ValueError("the stream has ended; start another one")
        block = audio.finite(audio.mono(samples, "stream"), "stream")
        return list(self._decisions(block, last=False))

    def finish(self) -> list[Decision]:
        """Ends the stream; returns a decision for a last, shorter window if samples remain that no window covered."""
        if self._ended:
            return []
        decisions = list(self._decisions(np.zeros(0, np.float32), last=True))
        self._ended = True
        is_new = self._start + len(self._samples) > self._decided
        if is_new and len(self._samples) >= self.shortest:
            decisions.append(self._decision(self._start, self._samples))
        return decisions

    def _decisions(self, block: np.ndarray, last: bool) -> Iterator[Decision]:
        if self._resampler is not None:
            block = self._resampler.resample_chunk(block, last=last)
        # a long block is split, so that it takes no more memory than a window
        for part in np.array_split(block, max(1, -(-len(block) // self.window))):
            self._samples = np.concatenate([self._samples, part])
            while len(self._samples) >= self.window:
                yield self._decision(self._start, self._samples[: self.window])
                self._decided = self._start + self.window
                self._samples, self._start = self._samples[self.hop :], self._start + self.hop

    def _decision(self, start: int, samples: np.ndarray) -> Decision:
        is_silent = samples.min() == samples.max()
        prediction = None if is_silent else self._prediction(start, samples)
        return Decision(start / self.rate, (start + len(samples)) / self.rate, prediction)

    def _prediction(self, start: int, samples: np.ndarray) -> Prediction:
        if self._profile is None or self.has_speech(samples) is False:
            return self.predict(samples, self.rate, speaker=self.speaker)
        new_samples = start + len(samples) - max(start, self._decided)
        new_frames = max(1, round(new_samples / self._profile.card.frontend.hop_samples))
        self._profile.add_features(self._profile.card.frontend.extract(samples)[-new_frames:])
        prediction = self.predict(samples, self.rate, speaker=self._profile.profile())
        self._profile.add_embeddings(prediction.embeddings)
        return prediction


def _check_lengths(card: Card, window_seconds: float, hop_seconds: float) -> None:
    if not 0 < hop_seconds <= window_seconds:
        raise FieldError(
            "hop_seconds",
            hop_seconds,
            f"the hop must be above 0 and no longer than the window of {window_seconds:g} s",
        )
    if window_seconds > card.max_seconds:
        raise FieldError("window_seconds", window_seconds, f"the model takes up to {card.max_seconds:g} s")
    if round(window_seconds * card.sample_rate_hz) < card.frontend.window_samples:
        raise FieldError("window_seconds", window_seconds, "shorter than one analysis window of the model; choose more")
