"""Features and segments of utterances, extracted in one process or in several."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from acrnn import audio, files, frontends, segments
from acrnn.frontends import Spec
from acrnn.records.sounds import Sounds
from acrnn.records.utterance_table import UtteranceRow
from acrnn.segments import SegmentRule
from acrnn.workers import pool
from data_prep.corpora.base import Utterance
from data_prep.fingerprint import fingerprint, sound_sha256
from data_prep.speed import at_speed

_WAITING_PER_WORKER = 4  # utterances that are extracted ahead of the one that is written: bounds the memory


@dataclass(frozen=True)
class Settings:
    """All that decides the bytes of the records, except the recordings themselves.

    Attributes:
        frontend: front end that computes the features.
        rule: segment rule that cuts the utterances.
        dtype: precision of the stored features, "float32" or "float16".
        speeds: playing speeds; 1 is the utterances themselves, every other speed a copy of each.
        speed_by: method that makes the copies, see `data_prep.speed`.
    """

    frontend: Spec
    rule: SegmentRule
    dtype: str = "float32"
    speeds: tuple[float, ...] = (1.0,)
    speed_by: str = "resampling"

    def to_dict(self) -> dict:
        """Returns JSON-ready fields; settings without copies have no keys for the speeds."""
        copies = {"speeds": list(self.speeds), "speed_by": self.speed_by} if len(self.speeds) > 1 else {}
        return {
            **copies,
            "frontend": frontends.to_dict(self.frontend),
            "segments": segments.to_dict(self.rule),
            "dtype": self.dtype,
        }


@dataclass(frozen=True)
class Job:
    """An utterance to extract at one speed, small enough to send to a worker process.

    Attributes:
        utterance: the utterance.
        label: index of its class.
        relative_path: path of the sound file, relative to the folder of the corpus.
        settings: settings of the record set.
        speed: playing speed, 1 for the recording itself.
        failure: reason to leave the utterance out without a look at it; None to extract it.
    """

    utterance: Utterance
    label: int
    relative_path: str
    settings: Settings
    speed: float = 1.0
    failure: str | None = None

    @property
    def id(self) -> str:
        """Id in the records: the id of the utterance, with the speed added for a copy."""
        return self.utterance.id if self.speed == 1 else f"{self.utterance.id}@{self.speed:g}"


@dataclass(frozen=True)
class Extracted:
    """The outcome of a job: a row of the table with its segments, or the reason why the recording cannot be used.

    Attributes:
        job: the job.
        row: row for utterances.csv.
        features: float32 [segments, frames, bands, channels].
        num_frames: int32 [segments], number of real frames in each.
        sounds: checksum and fingerprint of the sound; empty for a copy at another speed.
        failure: message about a recording that cannot be used; the other fields are None then.
    """

    job: Job
    row: UtteranceRow | None = None
    features: np.ndarray | None = None
    num_frames: np.ndarray | None = None
    sounds: Sounds = Sounds({}, {})
    failure: str | None = None


def extract(job: Job) -> Extracted:
    """Extracts the features and segments of an utterance; a recording that cannot be used raises nothing."""
    if job.failure:
        return Extracted(job, failure=job.failure)
    try:
        waveform = _waveform(job)
        features = _features(job, waveform)
    except (audio.AudioError, OSError) as error:
        return Extracted(job, failure=str(error))
    cut, num_frames = job.settings.rule.cut(features)
    return Extracted(job, _row(job, len(waveform), len(features), len(cut)), cut, num_frames, _sounds(job, waveform))


def _waveform(job: Job) -> np.ndarray:
    utterance, rate = job.utterance, job.settings.frontend.sample_rate_hz
    waveform = audio.load_waveform(utterance.path, rate, utterance.start_seconds, utterance.end_seconds)
    return waveform if job.speed == 1 else at_speed(waveform, job.speed, rate, job.settings.speed_by)


def _features(job: Job, waveform: np.ndarray) -> np.ndarray:
    try:
        return job.settings.frontend.extract(waveform)
    except ValueError as error:
        raise audio.AudioError(f"{job.utterance.path}: {error}") from error


def _sounds(job: Job, waveform: np.ndarray) -> Sounds:
    if job.speed != 1:
        return Sounds({}, {})
    rate = job.settings.frontend.sample_rate_hz
    return Sounds({job.id: sound_sha256(waveform)}, {job.id: fingerprint(waveform, rate)})


def _row(job: Job, num_samples: int, num_frames: int, num_segments: int) -> UtteranceRow:
    utterance = job.utterance
    return UtteranceRow(
        id=job.id,
        speaker=utterance.speaker,
        session=utterance.session,
        emotion=utterance.emotion,
        label=job.label,
        num_frames=num_frames,
        num_segments=num_segments,
        duration_seconds=round(num_samples / job.settings.frontend.sample_rate_hz, 4),
        sample_rate_hz=audio.sample_rate_hz(utterance.path),
        path=job.relative_path,
        sha256=files.sha256_of_file(utterance.path),
        text=" ".join((utterance.text or "").split()),
        split=utterance.split or "",
        speed=job.speed,
        copy_of="" if job.speed == 1 else utterance.id,
    )


def worker_pool(processes: int) -> AbstractContextManager[Executor | None]:
    """Returns a pool of worker processes as a context; None in place of the pool for a single process."""
    return pool(processes) if processes > 1 else nullcontext()


def extract_all(executor: Executor | None, processes: int, jobs: Iterable[Job]) -> Iterator[Extracted]:
    """Extracts jobs in order, in a pool of processes or in this one, with few results in memory at a time."""
    if executor is None:
        yield from map(extract, jobs)
        return
    waiting: deque = deque()
    for job in jobs:
        waiting.append(executor.submit(extract, job))
        if len(waiting) >= _WAITING_PER_WORKER * processes:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
