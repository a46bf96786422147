"""Checksums of the sounds that a model was trained on, few enough for its card: they tell whether a recording is one of them.

A sound is known by the first eight bytes of the SHA-256 of its decoded samples, see `records.sounds`. Up to MOST sounds, all
are kept; of more, those with the smallest numbers, which are a random sample. A renamed copy of a corpus of a million recordings
is still recognized, by about a thirtieth of its recordings. Two different sounds agree with a probability of 10^-15 at most.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MOST = 1 << 15  # numbers on a card: 256 KiB, a third more as text
_BYTES = 8
_LARGEST = 256**_BYTES - 1
_NAMED = 3  # recordings in a message


@dataclass(frozen=True)
class SoundSample:
    """Numbers of the sounds of a training, or of a random sample of them.

    Attributes:
        numbers: the different first eight bytes of the checksums, as numbers.
        count: number of sounds of the training; more than numbers are kept of a large one.
        complete: False if the training may have had other sounds as well, of another corpus or of the model that it started from.
    """

    numbers: frozenset[int]
    count: int
    complete: bool = True

    @classmethod
    def of(cls, sha256: Collection[str]) -> SoundSample:
        """Returns the sample of sounds.

        Args:
            sha256: checksum of each sound, as hexadecimal digits.
        """
        return cls(_smallest(map(_number, sha256)), len(sha256))

    @classmethod
    def from_dict(cls, values: Mapping) -> SoundSample:
        """Returns the sample that `to_dict` wrote.

        Raises:
            ValueError: the numbers are damaged.
        """
        try:
            content = base64.b64decode(values["sha256_prefixes"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"sha256_prefixes is not base64 ({error})") from error
        if len(content) % _BYTES:
            raise ValueError(f"sha256_prefixes has {len(content)} bytes, no multiple of {_BYTES}")
        return cls(frozenset(np.frombuffer(content, ">u8").tolist()), values["count"], values.get("complete", True))

    def to_dict(self) -> dict:
        """Returns the sample as a JSON object.

        It has `count`, `sha256_prefixes`, the sorted numbers of eight bytes in base64, and `complete` where it is false.
        """
        content = np.array(sorted(self.numbers), ">u8").tobytes()
        missing = {} if self.complete else {"complete": False}
        return {"count": self.count, "sha256_prefixes": base64.b64encode(content).decode("ascii"), **missing}

    def found(self, sha256: Mapping[str, str]) -> list[str]:
        """Returns the names of the sounds that are in the sample.

        Args:
            sha256: checksum of each sound, by its name.
        """
        return [name for name, value in sha256.items() if _number(value) in self.numbers]


def joined(parts: Iterable[SoundSample | None]) -> SoundSample | None:
    """Returns the sample of several trainings, incomplete if one of them is unknown or incomplete; None if none is known."""
    parts = list(parts)
    known = [part for part in parts if part is not None]
    if not known:
        return None
    complete = len(known) == len(parts) and all(part.complete for part in known)
    return SoundSample(_smallest(number for part in known for number in part.numbers), _count(known), complete)


def _count(parts: Sequence[SoundSample]) -> int:
    """Returns the number of sounds of several trainings; one of two trainings counts once, to the precision of the samples."""
    limit = min((max(part.numbers) for part in parts if len(part.numbers) == MOST), default=_LARGEST)
    count, counted = 0, set[int]()
    for part in parts:
        compared = {number for number in part.numbers if number <= limit}
        new = len(compared - counted) / len(compared) if compared else 1.0
        count, counted = count + round(part.count * new), counted | compared
    return count


def training_overlap(sample: SoundSample | None, sha256: Mapping[str, str], paths: Mapping[str, str]) -> str:
    """Returns which recordings were in the training of a model, in words; "" if none is known to have been.

    Args:
        sample: sounds of the training; None if they are not known.
        sha256: checksum of each sound, by its name.
        paths: file of each sound, by its name.
    """
    names = sample.found(sha256) if sample else []
    if not names:
        return ""
    listed = ", ".join(paths[name] for name in names[:_NAMED])
    return f"it was trained on {len(names)} of these {len(sha256)} recordings by their sound, such as {listed}"


def _number(sha256: str) -> int:
    return int(sha256[: 2 * _BYTES], 16)


def _smallest(numbers: Iterable[int]) -> frozenset[int]:
    return frozenset(sorted(set(numbers))[:MOST])
