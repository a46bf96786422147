"""The file of sounds in a record set, sounds.npz: what tells whether two recordings are the same one."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.reading.npz import read_npz

SOUNDS = "sounds.npz"


@dataclass(frozen=True)
class Sounds:
    """Checksums and fingerprints of the sounds of utterances; copies at other speeds have none.

    Attributes:
        sha256: checksum of the decoded samples, by utterance id.
        fingerprints: uint32 [frames], by utterance id; see `data_prep.fingerprint`.
    """

    sha256: Mapping[str, str]
    fingerprints: Mapping[str, np.ndarray]


def joined(parts: Sequence[Sounds]) -> Sounds:
    """Returns the sounds of all parts."""
    return Sounds(
        {name: value for part in parts for name, value in part.sha256.items()},
        {name: value for part in parts for name, value in part.fingerprints.items()},
    )


def write_sounds(folder: Path, sounds: Sounds) -> dict:
    """Writes sounds.npz, atomically; returns its entry for the manifest: file name and checksum."""
    content = _to_npz(sounds)
    with files.atomic_path(folder / SOUNDS) as temporary:
        temporary.write_bytes(content)
    return {"file": SOUNDS, "sha256": hashlib.sha256(content).hexdigest()}


def read_sounds(folder: Path, entry: Mapping) -> Sounds:
    """Reads the sounds of a record set.

    Args:
        folder: folder of the record set.
        entry: `sounds` of its manifest.

    Raises:
        ValueError: the file is missing or changed since the manifest was written.
    """
    path = folder / entry["file"]
    if not path.is_file() or files.sha256_of_file(path) != entry["sha256"]:
        raise ValueError(f"{path}: missing or changed since the records were made")
    arrays = read_npz(path, "prepare the records again")
    names = arrays["names"].tolist()
    fingerprints = np.split(arrays["frames"], np.cumsum(arrays["counts"])[:-1])
    return Sounds(dict(zip(names, arrays["sha256"].tolist(), strict=True)), dict(zip(names, fingerprints, strict=True)))


def _to_npz(sounds: Sounds) -> bytes:
    names = sorted(sounds.sha256)
    fingerprints = [sounds.fingerprints[name] for name in names]
    buffer = io.BytesIO()
    np.savez(
        buffer,
        names=np.array(names, str),
        sha256=np.array([sounds.sha256[name] for name in names], str),
        counts=np.array([len(values) for values in fingerprints], np.int64),
        frames=np.concatenate([np.zeros(0, np.uint32), *fingerprints]),
    )
    return buffer.getvalue()
