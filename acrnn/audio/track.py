"""A sound track that is open for decoding, whatever library decodes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from acrnn.audio.waveform import AudioError


@dataclass(frozen=True)
class Track:
    """An open sound track.

    Attributes:
        format: name of the container, as in `kinds.CONTAINERS` or `kinds.DEMUXERS`.
        subtype: name of the encoding; "PCM_U8" and "PCM_S8" are samples of 8 bits.
        sample_rate_hz: sampling rate.
        channels: number of channels.
        num_samples: exact number of samples of a channel; None where it shows only at the end.
        stated_seconds: duration according to the header, perhaps not exact; 0 where it states none.
        blocks: returns the samples float32 [samples, channels] from a first one up to another, block by block; None stands for
            the end of the track.
    """

    format: str
    subtype: str
    sample_rate_hz: int
    channels: int
    num_samples: int | None
    stated_seconds: float
    blocks: Callable[[int, int | None], Iterator[np.ndarray]]


def part(
    name: str, sample_rate_hz: int, blocks: Iterator[np.ndarray], begin: int, stop: int | None
) -> Iterator[np.ndarray]:
    """Yields the samples of a part of a track that is decoded from its start.

    Args:
        name: name of the file in error messages.
        sample_rate_hz: sampling rate.
        blocks: samples [samples, channels] of the whole track.
        begin, stop: first sample of the part, and the first one after it; None for the end of the track.

    Raises:
        AudioError: the part does not lie in the track.
    """
    position = 0
    for block in blocks:
        piece = block[max(0, begin - position) : None if stop is None else stop - position]
        position += len(block)
        if len(piece):
            yield piece
        if stop is not None and position >= stop:
            return
    check_part(name, sample_rate_hz, position, begin, position if stop is None else stop)


def check_part(name: str, sample_rate_hz: int, num_samples: int, begin: int, stop: int) -> None:
    """Refuses a part that does not lie in a track of some samples.

    Rounded times in a table may lie a few milliseconds past the end; later ones are errors in the table.
    """
    if begin >= num_samples or stop > num_samples + sample_rate_hz // 100:
        raise AudioError(
            f"{name}: the part {begin / sample_rate_hz:.3f} s to {stop / sample_rate_hz:.3f} s is not in it, "
            f"it ends at {num_samples / sample_rate_hz:.3f} s; correct it"
        )
