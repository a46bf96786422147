"""Plans of shards: which utterances go into which file, so that no file is much larger than a limit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import numpy as np

from acrnn import __version__, audio, files
from acrnn.records.manifest import check_speaker, shard_name
from data_prep.corpora.base import Selection, Utterance
from data_prep.extract import Job, Settings

SHARD_BYTES = 200_000_000
_FIELD_BYTES = 200  # of a segment in a TFRecord, besides the features and the names in it
_COMPRESSED_BYTES_PER_SECOND = 4000  # 32 kbit/s: of a file whose length is not known


@dataclass(frozen=True)
class ShardPlan:
    """A shard to write: utterances of a speaker, and their copies at other speeds.

    Attributes:
        speaker: the speaker.
        jobs: the utterances and copies to extract.
        part: number of the shard among those of the speaker, from 0.
    """

    speaker: str
    jobs: tuple[Job, ...]
    part: int = 0

    @property
    def file(self) -> str:
        """File name of the shard."""
        return shard_name(self.speaker, self.part)

    def fingerprint(self) -> str:
        """Hash of the recordings, their labels and texts, the settings and the version of this package; reads every file."""
        described = [
            {
                **_described(job.utterance),
                "path": job.relative_path,
                "label": job.label,
                "sha256": _sha256(job.utterance.path),
                **({} if job.speed == 1 else {"speed": job.speed}),
            }
            for job in self.jobs
        ]
        return files.sha256_of_json([self.jobs[0].settings.to_dict(), described, __version__])

    def without(self, reasons: Mapping[str, str]) -> ShardPlan:
        """Returns the plan with some utterances left out: ids, each with its reason."""
        jobs = [
            replace(job, failure=reasons[job.utterance.id]) if job.utterance.id in reasons else job for job in self.jobs
        ]
        return replace(self, jobs=tuple(jobs))


def _described(utterance: Utterance) -> dict:
    """Returns the fields of an utterance that its records depend on."""
    return {item.name: getattr(utterance, item.name) for item in fields(utterance) if item.compare}


def _sha256(path: Path) -> str:
    try:
        return files.sha256_of_file(path)
    except OSError:
        return ""  # a file that cannot be read; `extract` reports it


def plan_shards(
    selection: Selection, data_dir: Path, settings: Settings, shard_bytes: int | None = SHARD_BYTES
) -> list[ShardPlan]:
    """Plans the shards in the order of the speakers' names, with utterances in the order of their ids.

    Args:
        selection: utterances and labels.
        data_dir: folder of the corpus, or its table; paths in the records are relative to the folder.
        settings: settings of the record set.
        shard_bytes: size that a shard may have; an utterance that is larger has a shard of its own. None plans one shard per
            speaker, without a look at the sound files.

    Raises:
        ValueError: the name of a speaker is too long for a file.
    """
    labels = {emotion: label for label, emotion in enumerate(selection.labels)}
    plans = []
    by_speaker = sorted(selection.utterances, key=lambda utterance: (utterance.speaker, utterance.id))
    sizes = _Sizes(settings)
    for speaker, group in itertools.groupby(by_speaker, key=lambda utterance: utterance.speaker):
        check_speaker(speaker)
        for number, part in enumerate(_divided(list(group), sizes, shard_bytes)):
            jobs = [
                Job(utterance, labels[utterance.emotion], _relative(utterance.path, data_dir), settings, speed)
                for utterance in part
                for speed in settings.speeds
            ]
            plans.append(ShardPlan(speaker, tuple(jobs), number))
    return plans


def _relative(path: Path, data_dir: Path) -> str:
    folder = data_dir.parent if data_dir.is_file() else data_dir
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:  # a table may name absolute paths, or recordings outside its folder
        return path.name


def _divided(utterances: list[Utterance], sizes: _Sizes, limit: int | None) -> Iterator[list[Utterance]]:
    """Yields groups of successive utterances whose segments take up to `limit` bytes; one group for None."""
    if limit is None:
        yield utterances
        return
    group: list[Utterance] = []
    size = 0
    for utterance in utterances:
        own = sizes.of(utterance)
        if group and size + own > limit:
            yield group
            group, size = [], 0
        group.append(utterance)
        size += own
    yield group


class _Sizes:
    """Sizes of utterances in a shard, from their durations: those of silence that is cut off included.

    Args:
        settings: settings of the record set.
    """

    def __init__(self, settings: Settings):
        self.settings = settings
        self._segment = settings.rule.frames * int(np.prod(settings.frontend.feature_shape))
        self._segment = self._segment * np.dtype(settings.dtype).itemsize + _FIELD_BYTES
        self._file_seconds = cache(_file_seconds)  # many utterances may be parts of one file

    def of(self, utterance: Utterance) -> int:
        """Returns the bytes of the segments of an utterance and of its copies."""
        seconds = self._seconds(utterance)
        names = len("".join((utterance.id, utterance.speaker, utterance.session)).encode())
        segments = sum(self._num_segments(seconds / speed) for speed in self.settings.speeds)
        return segments * (self._segment + names)

    def _seconds(self, utterance: Utterance) -> float:
        end = utterance.end_seconds
        end = self._file_seconds(utterance.path) if end is None else end
        return max(0.0, end - (utterance.start_seconds or 0.0))

    def _num_segments(self, seconds: float) -> int:
        frontend = self.settings.frontend
        samples = max(round(seconds * frontend.sample_rate_hz), frontend.window_samples)
        return len(self.settings.rule.starts(frontend.num_frames(samples)))


def _file_seconds(path: Path) -> float:
    """Returns the duration of a sound file; where its header states none, a guess from its size."""
    try:
        return audio.duration_seconds(path) or path.stat().st_size / _COMPRESSED_BYTES_PER_SECOND
    except OSError:
        return 0.0
