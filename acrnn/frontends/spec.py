"""The base classes of front ends: fields, frame counts and the order of the steps that all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from acrnn.errors import FieldError
from acrnn.frontends import silence
from acrnn.frontends.waveform import unit_variance

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class Spec(ABC):
    """Front end: waveform → features [frames, bands, channels], in NumPy and as TensorFlow operations.

    A subclass adds its parameters as fields and implements `feature_shape`, `features` and `features_in_graph`. It overrides
    `scaled` and `scaled_in_graph` together if the waveform is not scaled to unit variance.

    Frames begin with the first sample, and zeros fill up the last window: an utterance has 1 + ⌈(samples - window) / hop⌉
    frames.

    Attributes:
        kind: name of the class in files on disk.
        band_name: name of the feature axis in figures.
        sample_rate_hz: sample rate of the waveform.
        trim_db: remove silence at both ends of the waveform, which is this much below its loudest part, in dB, before anything
            else; None keeps it. See `acrnn.frontends.silence`.
    """

    kind: ClassVar[str]
    band_name: ClassVar[str]
    sample_rate_hz: int = 16000
    trim_db: float | None = field(default=None, kw_only=True)

    def __post_init__(self):
        if self.trim_db is not None and not 0 < self.trim_db < 100:
            raise FieldError("trim_db", self.trim_db, "it must lie between 0 and 100 dB")

    @property
    @abstractmethod
    def window_seconds(self) -> float:
        """Length of an analysis window."""

    @property
    @abstractmethod
    def hop_seconds(self) -> float:
        """Time from the start of a window to the start of the next."""

    @property
    @abstractmethod
    def window_samples(self) -> int:
        """Length of an analysis window in samples."""

    @property
    @abstractmethod
    def hop_samples(self) -> int:
        """Samples from the start of a window to the start of the next."""

    @property
    @abstractmethod
    def feature_shape(self) -> tuple[int, int]:
        """Shape of one frame: (bands, channels)."""

    def to_dict(self) -> dict:
        """Returns the kind and all fields, ready for JSON; `trim_db`, of a later version than the others, only if it is set."""
        values = asdict(self)
        if self.trim_db is None:
            del values["trim_db"]
        return {"kind": self.kind, **values}

    def num_frames(self, num_samples: int) -> int:
        """Returns the number of frames of an utterance of at least one window."""
        return 1 + -(-(num_samples - self.window_samples) // self.hop_samples)

    def extract(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the features of one utterance.

        Args:
            waveform: float [samples] in [-1, 1] at sample_rate_hz; not constant, if it is scaled to unit variance.

        Returns:
            float32 [frames, bands, channels].

        Raises:
            ValueError: the waveform is shorter than one window.
        """
        if len(waveform) < self.window_samples:
            raise ValueError(
                f"{len(waveform) / self.sample_rate_hz * 1000:.1f} ms long, shorter than one analysis window "
                f"({self.window_seconds * 1000:g} ms); leave it out"
            )
        first, end = self.bounds(waveform)
        return self.features(self.scaled(waveform[first:end].astype(np.float64))).astype(np.float32)

    def bounds(self, waveform: np.ndarray) -> tuple[int, int]:
        """Returns the first sample that the features depend on, a multiple of the hop, and the sample after the last one."""
        if self.trim_db is None:
            return 0, len(waveform)
        rate, threshold_db = self.sample_rate_hz, self.trim_db
        return silence.bounds(waveform.astype(np.float64), rate, threshold_db, self.hop_samples, self.window_samples)

    def in_graph(self, waveform: tf.Tensor, num_samples: tf.Tensor, fft: bool = True) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the features of a batch as TensorFlow operations, in the precision of the waveform.

        Args:
            waveform: float [batch, samples]; samples beyond the end of an utterance are ignored.
            num_samples: int32 [batch], each at least one window.
            fft: see `in_graph.power_spectrum`.

        Returns:
            features [batch, frames, bands, channels], undefined beyond the frames of an utterance;
            number of frames, int32 [batch].
        """
        features, num_frames, _ = self.in_graph_with_start(waveform, num_samples, fft)
        return features, num_frames

    def in_graph_with_start(
        self, waveform: tf.Tensor, num_samples: tf.Tensor, fft: bool = True
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the results of `in_graph`, and the first sample of the first frame, int32 [batch]; see `bounds`."""
        import tensorflow as tf

        from acrnn.frontends import in_graph

        first = tf.zeros_like(num_samples)
        if self.trim_db is not None:
            rate, threshold_db = self.sample_rate_hz, self.trim_db
            waveform, num_samples, first = silence.trimmed_in_graph(
                waveform, num_samples, rate, threshold_db, self.hop_samples, self.window_samples
            )
        scaled = self.scaled_in_graph(waveform, num_samples)
        windows, num_frames = in_graph.frames(scaled, num_samples, self.window_samples, self.hop_samples)
        return self.features_in_graph(windows, num_frames, fft), num_frames, first

    def scaled(self, waveform: np.ndarray) -> np.ndarray:
        """Returns the waveform, float64 [samples], scaled to zero mean and unit variance."""
        return unit_variance(waveform)

    def scaled_in_graph(self, waveform: tf.Tensor, num_samples: tf.Tensor) -> tf.Tensor:
        """Returns the waveforms [batch, samples] scaled as `scaled` does, with zeros after the ends of the utterances."""
        from acrnn.frontends import in_graph

        return in_graph.unit_variance(waveform, num_samples)

    @abstractmethod
    def features(self, scaled: np.ndarray) -> np.ndarray:
        """Returns the features [frames, bands, channels] of a scaled waveform, float64 [samples]."""

    @abstractmethod
    def features_in_graph(self, windows: tf.Tensor, num_frames: tf.Tensor, fft: bool) -> tf.Tensor:
        """Returns the features of windows of scaled waveforms; the counterpart of `features`.

        Args:
            windows: float [batch, frames, window_samples], not yet weighted by a window function.
            num_frames: int32 [batch], number of frames of each utterance.
            fft: see `in_graph.power_spectrum`.

        Returns:
            [batch, frames, bands, channels].
        """


@dataclass(frozen=True)
class SecondsSpec(Spec):
    """Front end with window and hop as fields in seconds.

    Attributes:
        window_seconds: length of an analysis window.
        hop_seconds: time from the start of a window to the start of the next.
    """

    window_seconds: float = 0.025
    hop_seconds: float = 0.010

    @property
    def window_samples(self) -> int:
        return round(self.window_seconds * self.sample_rate_hz)

    @property
    def hop_samples(self) -> int:
        return round(self.hop_seconds * self.sample_rate_hz)
