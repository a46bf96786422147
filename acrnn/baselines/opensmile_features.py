"""Functionals of utterances by openSMILE (extra [opensmile]), computed in worker processes that load no TensorFlow.

openSMILE crashes in a process that has loaded TensorFlow, so it runs in processes of its own. It is distributed under a
research licence of audEERING: commercial use needs a licence (https://github.com/audeering/opensmile).

F. Eyben, M. Wöllmer, B. Schuller: openSMILE - The Munich Versatile and Fast Open-Source Audio Feature Extractor. ACM
Multimedia 2010.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from acrnn import audio, files
from acrnn.errors import missing_extra
from acrnn.reading import foreign_errors
from acrnn.reading.npz import read_npz
from acrnn.workers import events

LICENCE = "openSMILE: research licence of audEERING, commercial use needs a licence"
SAMPLE_RATE_HZ = 16000
_REMEDY = "delete the file; the same command computes the features again"


@dataclass(frozen=True)
class Sound:
    """The sound of an utterance.

    Attributes:
        path: sound file.
        sha256: checksum of the file.
        start_seconds, end_seconds: start and end in the file; None for those of the file.
    """

    path: Path
    sha256: str
    start_seconds: float | None = None
    end_seconds: float | None = None


def version() -> str:
    """Returns the version of the package opensmile.

    Raises:
        ImportError: it is not installed; the message names the extra.
    """
    if importlib.util.find_spec("opensmile") is None:  # not imported here: this process may have loaded TensorFlow
        error = ImportError("No module named 'opensmile'")
        raise missing_extra("opensmile", f"a baseline on functionals of openSMILE ({LICENCE})", error)
    return metadata.version("opensmile")


def settings(feature_set: str) -> dict:
    """Returns all that decides the features of a sound, ready for JSON.

    Args:
        feature_set: name in `opensmile.FeatureSet`, such as "ComParE_2016".

    Raises:
        ImportError: see `version`.
    """
    return {
        "kind": "opensmile",
        "feature_set": feature_set,
        "feature_level": "Functionals",
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "version": version(),
    }


def content_sha256(sounds: Sequence[Sound], feature_set: str) -> str:
    """Returns the hash of all that decides the features of some sounds; the folder of the corpus plays no part."""
    parts = [[each.sha256, each.start_seconds, each.end_seconds] for each in sounds]
    return files.sha256_of_json([settings(feature_set), parts])


def cached_features(
    path: Path,
    sounds: Sequence[Sound],
    feature_set: str,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Returns the functionals of sounds, from a file if it holds them; otherwise computes them and writes the file.

    Args:
        path: .npz file, which holds the features of one list of sounds.
        sounds: the sounds, scaled as they are recorded.
        feature_set: name in `opensmile.FeatureSet`.
        jobs: number of worker processes.
        progress: called with the number of finished sounds and of all.

    Returns:
        float32 [sounds, features].

    Raises:
        ImportError: see `version`.
        ValueError: a sound cannot be read, or has a feature that is not finite; the message names the file.
    """
    sha256 = content_sha256(sounds, feature_set)
    if path.exists() and (features := _read(path, sha256)) is not None:
        return features
    features = compute(sounds, feature_set, jobs, progress)
    files.make_folder(path.parent)
    with files.atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, features=features, sha256=np.array(sha256))
    return features


def _read(path: Path, sha256: str) -> np.ndarray | None:
    """Features in a file; None if they are those of other sounds or settings."""
    arrays = read_npz(path, _REMEDY)
    with foreign_errors(path, "damaged", _REMEDY):
        return arrays["features"] if str(arrays["sha256"]) == sha256 else None


def compute(
    sounds: Sequence[Sound],
    feature_set: str,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """Returns the functionals of sounds, float32 [sounds, features]; see `cached_features`."""
    version()
    jobs = max(1, min(jobs, len(sounds)))
    results: dict[int, np.ndarray] = {}
    for index, values in events(jobs, _extract_share, list(sounds), feature_set, jobs):
        results[index] = values
        progress(len(results), len(sounds))
    return np.stack([results[index] for index in range(len(sounds))])


def _extract_share(number: int, report, sounds: Sequence[Sound], feature_set: str, jobs: int) -> None:
    """Reports index and features of every sound whose index is `number` modulo `jobs`, in a worker process."""
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet[feature_set], opensmile.FeatureLevel.Functionals, num_workers=1)
    for index in range(number, len(sounds), jobs):
        sound = sounds[index]
        waveform = audio.load_waveform(sound.path, SAMPLE_RATE_HZ, sound.start_seconds, sound.end_seconds)
        values = smile.process_signal(waveform, SAMPLE_RATE_HZ).to_numpy(np.float32)[0]
        if not np.isfinite(values).all():
            raise ValueError(f"{sound.path}: {feature_set} of openSMILE has a feature that is not finite; leave it out")
        report(index, values)
