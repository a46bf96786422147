"""Recordings that occur twice: pairs of fingerprints that agree, over a corpus or between two.

Fingerprints are compared as in Haitsma and Kalker (2002), "A Highly Robust Audio Fingerprinting System": frames of 32 equal
bits suggest which two sounds to compare and how they are shifted, and the share of differing bits over all their common frames
decides. Different recordings differ in almost half of the bits. Over few frames they come closer by chance, so that the bound
is stricter there; experiments/results/fingerprints has the measurements behind it. A frame of 0 is too soft to be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

MIN_FRAMES = 12  # common frames below which a comparison proves nothing: 0.28 s beyond the window of 0.37 s
_NEIGHBORS = 32  # sounds with an equal frame that one is compared with, in the order of their names
_COMMON = 2000  # an equal frame in more places than this, such as hum, suggests nothing
_BATCH = 1 << 22  # frames compared at a time, to bound the memory
Bound = Callable[[np.ndarray], np.ndarray]
_BITS = np.array([bin(value).count("1") for value in range(1 << 16)], np.uint8)  # number of bits in a 16-bit value


class SharedSound(NamedTuple):
    """Two sounds that are one recording, in part at least.

    Attributes:
        first, second: names of the sounds.
        bit_error_rate: share of differing bits over the common frames.
        frames: number of common frames.
    """

    first: str
    second: str
    bit_error_rate: float
    frames: int


class _Candidates(NamedTuple):
    """Comparisons to make, int64 [candidates] each: two sounds, and the frame of the first at which the second begins."""

    first: np.ndarray
    second: np.ndarray
    shift: np.ndarray


def max_bit_error_rate(frames: np.ndarray | int) -> np.ndarray:
    """Returns the bit error rate up to which two sounds are one recording, for a number of common frames.

    Args:
        frames: number of common frames, an int or an array.
    """
    return np.where(np.asarray(frames) < MIN_FRAMES, -1.0, 0.25 - 0.42 / np.sqrt(np.maximum(frames, 1)))


def shared_sounds(fingerprints: Mapping[str, np.ndarray], bound: Bound = max_bit_error_rate) -> list[SharedSound]:
    """Finds the pairs of sounds that hold the same recording, in part at least.

    Args:
        fingerprints: by name, uint32 [frames] each.
        bound: number of common frames → bit error rate up to which two sounds are one recording.

    Returns:
        The pairs, in the order of the names in `fingerprints`, each at its best shift.
    """
    names = list(fingerprints)
    return _named(names, _matches([fingerprints[name] for name in names], None, bound))


def shared_between(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> list[SharedSound]:
    """Finds the pairs of a sound of one corpus and a sound of another that hold the same recording, in part at least.

    Args:
        first, second: fingerprints by name, uint32 [frames] each.

    Returns:
        The pairs, in the order of the names, each at its best shift.
    """
    names = [*first, *second]
    return _named(names, _matches([*first.values(), *second.values()], len(first), max_bit_error_rate))


def bit_error_rate(first: np.ndarray, second: np.ndarray, shift: int = 0) -> tuple[float, int]:
    """Returns the share of differing bits over the common frames of two fingerprints, and the number of these frames.

    Frames that are 0 in either, too soft to be compared, are not counted. Without common frames the share is 1.

    Args:
        first, second: uint32 [frames].
        shift: frame of `first` at which `second` begins.
    """
    candidates = _Candidates(np.array([0]), np.array([1]), np.array([shift]))
    rates, frames = bit_error_rates([first, second], candidates)
    return float(rates[0]), int(frames[0])


def bit_error_rates(fingerprints: Sequence[np.ndarray], candidates: _Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bit error rates of many comparisons, and their numbers of common frames.

    Args:
        fingerprints: uint32 [frames] each.
        candidates: comparisons of these fingerprints, by their places in the sequence.

    Returns:
        float64 [candidates], 1 where no frame is common, and int64 [candidates].
    """
    lengths = np.array([len(values) for values in fingerprints])
    offsets = np.cumsum(lengths) - lengths
    flat = np.concatenate(fingerprints)
    begins = np.maximum(candidates.shift, 0), np.maximum(-candidates.shift, 0)
    spans = np.minimum(lengths[candidates.first] - begins[0], lengths[candidates.second] - begins[1]).clip(0)
    starts = offsets[candidates.first] + begins[0], offsets[candidates.second] + begins[1]
    rates, frames = np.ones(len(spans)), np.zeros(len(spans), int)
    ends = np.cumsum(spans)
    for part in np.split(np.arange(len(spans)), np.flatnonzero(np.diff(ends // _BATCH)) + 1):
        counts = spans[part]
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        first, second = (flat[np.repeat(start[part], counts) + steps] for start in starts)
        counted = (first != 0) & (second != 0)
        differing = first ^ second
        errors = (_BITS[differing & 0xFFFF].astype(np.uint8) + _BITS[differing >> 16]) * counted
        owners = np.repeat(np.arange(len(part)), counts)
        frames[part] = np.bincount(owners, counted, len(part))
        rates[part] = np.bincount(owners, errors, len(part)) / (32 * np.maximum(frames[part], 1))
    return np.where(frames > 0, rates, 1.0), frames


def _matches(
    fingerprints: Sequence[np.ndarray], boundary: int | None, bound: Bound
) -> list[tuple[int, int, float, int]]:
    """Returns places of two sounds, bit error rate and common frames of every pair that is one recording, sorted.

    With a boundary, the first sound of a pair is before it and the second is not.
    """
    if not any(len(values) for values in fingerprints):
        return []
    candidates = _candidates(fingerprints, boundary)
    rates, frames = bit_error_rates(fingerprints, candidates)
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for place in np.flatnonzero(rates <= bound(frames)):
        pair = int(candidates.first[place]), int(candidates.second[place])
        best[pair] = min(best.get(pair, (1.0, 0)), (float(rates[place]), int(frames[place])))
    return [(*pair, *measured) for pair, measured in sorted(best.items())]


def _candidates(fingerprints: Sequence[np.ndarray], boundary: int | None) -> _Candidates:
    """Returns the comparisons of sounds that have a frame of 32 equal bits in common, each once."""
    lengths = [len(values) for values in fingerprints]
    values = np.concatenate(fingerprints)
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order], prepend=~values[order[0]]))
    counts = np.diff(starts, append=len(order))
    kept = np.repeat((counts > 1) & (counts <= _COMMON), counts) & (values[order] != 0)
    order = order[kept]
    values = values[order]
    sounds = np.repeat(np.arange(len(lengths)), lengths)[order]
    frames = np.concatenate([np.arange(length) for length in lengths])[order]
    collected = [np.zeros((0, 3), int)]
    for distance in range(1, min(_NEIGHBORS, len(values))):
        equal = np.flatnonzero(values[:-distance] == values[distance:])
        first, second = sounds[equal], sounds[equal + distance]
        wanted = first != second if boundary is None else (first < boundary) & (second >= boundary)
        shifts = frames[equal] - frames[equal + distance]
        collected.append(np.stack([first, second, shifts], axis=1)[wanted])
    return _Candidates(*np.unique(np.concatenate(collected), axis=0).T)


def _named(names: Sequence[str], matches: Sequence[tuple[int, int, float, int]]) -> list[SharedSound]:
    return [SharedSound(names[first], names[second], rate, frames) for first, second, rate, frames in matches]
