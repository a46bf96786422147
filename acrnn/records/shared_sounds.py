"""Recordings that occur twice: pairs of fingerprints that agree, over a corpus or between two.

Fingerprints are compared as in Haitsma and Kalker (2002), "A Highly Robust Audio Fingerprinting System": frames of 32 equal
bits suggest which two sounds to compare and how they are shifted, and the share of differing bits over all their common frames
decides. Different recordings differ in almost half of the bits. Over few frames they come closer by chance, so that the bound
is stricter there; experiments/results/fingerprints has the measurements behind it. A frame of 0 is too soft to be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

MIN_FRAMES = 12  # common frames below which a comparison proves nothing: 0.28 s beyond the window of 0.37 s
_NEIGHBORS = 32  # sounds with an equal frame that one is compared with, in the order of their names
_COMMON = 2000  # an equal frame in more places than this, such as hum, suggests nothing
_BATCH = 1 << 22  # frames or candidates compared at a time, to bound the memory
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


class _Frames(NamedTuple):
    """The frames of all fingerprints, one after the other.

    Attributes:
        values: uint32 [all frames].
        lengths, offsets: int64 [sounds], number of frames of each sound and place of the first of them.
    """

    values: np.ndarray
    lengths: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, fingerprints: Sequence[np.ndarray]) -> _Frames:
        """Returns the frames of fingerprints, uint32 [frames] each."""
        lengths = np.array([len(values) for values in fingerprints], np.int64)
        return cls(np.concatenate(fingerprints), lengths, np.cumsum(lengths) - lengths)

    def repeated(self) -> np.ndarray:
        """Returns the places of frames that occur again, but not everywhere, sorted by value and place."""
        order = np.argsort(self.values, kind="stable")
        ordered = self.values[order]
        starts = np.flatnonzero(np.diff(ordered, prepend=~ordered[0]))
        counts = np.diff(starts, append=len(order))
        return order[np.repeat((counts > 1) & (counts <= _COMMON), counts) & (ordered != 0)]


class _Candidates(NamedTuple):
    """Comparisons to make, int [candidates] each: two sounds, and the frame of the first at which the second begins."""

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
    rates, frames = _bit_error_rates(_Frames.of([first, second]), candidates)
    return float(rates[0]), int(frames[0])


def _bit_error_rates(frames: _Frames, candidates: _Candidates) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bit error rates of many comparisons, and their numbers of common frames.

    Returns:
        float64 [candidates], 1 where no frame is common, and int64 [candidates].
    """
    begins = np.maximum(candidates.shift, 0), np.maximum(-candidates.shift, 0)
    lengths = frames.lengths[candidates.first] - begins[0], frames.lengths[candidates.second] - begins[1]
    spans = np.minimum(*lengths).clip(0)
    starts = frames.offsets[candidates.first] + begins[0], frames.offsets[candidates.second] + begins[1]
    rates, common = np.ones(len(spans)), np.zeros(len(spans), int)
    ends = np.cumsum(spans)
    for part in np.split(np.arange(len(spans)), np.flatnonzero(np.diff(ends // _BATCH)) + 1):
        counts = spans[part]
        steps = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        first, second = (frames.values[np.repeat(start[part], counts) + steps] for start in starts)
        counted = (first != 0) & (second != 0)
        differing = first ^ second
        errors = (_BITS[differing & 0xFFFF].astype(np.uint8) + _BITS[differing >> 16]) * counted
        owners = np.repeat(np.arange(len(part)), counts)
        common[part] = np.bincount(owners, counted, len(part))
        rates[part] = np.bincount(owners, errors, len(part)) / (32 * np.maximum(common[part], 1))
    return np.where(common > 0, rates, 1.0), common


def _matches(
    fingerprints: Sequence[np.ndarray], boundary: int | None, bound: Bound
) -> list[tuple[int, int, float, int]]:
    """Returns places of two sounds, bit error rate and common frames of every pair that is one recording, sorted.

    With a boundary, the first sound of a pair is before it and the second is not.
    """
    if not any(len(values) for values in fingerprints):
        return []
    frames = _Frames.of(fingerprints)
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for candidates in _candidates(frames, boundary):
        rates, common = _bit_error_rates(frames, candidates)
        for place in np.flatnonzero(rates <= bound(common)):
            pair = int(candidates.first[place]), int(candidates.second[place])
            best[pair] = min(best.get(pair, (1.0, 0)), (float(rates[place]), int(common[place])))
    return [(*pair, *measured) for pair, measured in sorted(best.items())]


def _candidates(frames: _Frames, boundary: int | None) -> Iterator[_Candidates]:
    """Yields the comparisons of sounds that have a frame of 32 equal bits in common, in parts that fit into memory.

    A comparison can be in several parts, once in each.
    """
    order = frames.repeated()
    values = frames.values[order]
    sounds = np.searchsorted(frames.offsets + frames.lengths, order, side="right").astype(np.int32)
    positions = (order - frames.offsets[sounds]).astype(np.int32)
    for distance in range(1, min(_NEIGHBORS, len(values))):
        equal = np.flatnonzero(values[:-distance] == values[distance:])
        for start in range(0, len(equal), _BATCH):
            one = equal[start : start + _BATCH]
            other = one + distance
            first, second = sounds[one], sounds[other]
            wanted = first != second if boundary is None else (first < boundary) & (second >= boundary)
            shifts = positions[one] - positions[other]
            yield _Candidates(*np.unique(np.stack([first, second, shifts], axis=1)[wanted], axis=0).T)


def _named(names: Sequence[str], matches: Sequence[tuple[int, int, float, int]]) -> list[SharedSound]:
    return [SharedSound(names[first], names[second], rate, frames) for first, second, rate, frames in matches]
