"""Shards: TFRecord files, each with a note of its content, so that an interrupted preparation goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from acrnn import files
from acrnn.errors import FileError
from acrnn.reading import check_fields, foreign_errors
from acrnn.records.manifest import Shard
from acrnn.records.sounds import Sounds, joined
from acrnn.records.tfrecords import encode_segment
from acrnn.records.utterance_table import UtteranceRow
from data_prep.extract import Extracted, extract_all, worker_pool
from data_prep.shard_plans import ShardPlan

PROGRESS = ".progress"  # folder of the notes, in the folder of the record set


@dataclass(frozen=True)
class WrittenShard:
    """The outcome of a shard plan.

    Attributes:
        fingerprint: fingerprint of the plan.
        rows: rows of utterances.csv.
        skipped: recordings that cannot be used, each with id, path and reason.
        shard: entry for the manifest; None where no file was written.
        sounds: sounds of the utterances.
    """

    fingerprint: str
    rows: tuple[UtteranceRow, ...] = ()
    skipped: tuple[dict, ...] = ()
    shard: Shard | None = None
    sounds: Sounds = Sounds({}, {})

    def to_dict(self) -> dict:
        """Returns JSON-ready fields."""
        fingerprints = {name: values.tolist() for name, values in self.sounds.fingerprints.items()}
        return {**asdict(self), "sounds": {"sha256": self.sounds.sha256, "fingerprints": fingerprints}}

    @classmethod
    def from_dict(cls, values: Mapping) -> WrittenShard:
        """Makes a written shard from the fields that `to_dict` returned."""
        rows = tuple(UtteranceRow(**check_fields(UtteranceRow, row)) for row in values["rows"])
        fingerprints = {name: np.array(each, np.uint32) for name, each in values["sounds"]["fingerprints"].items()}
        sounds = Sounds(values["sounds"]["sha256"], fingerprints)
        check_fields(cls, values, {"rows", "shard", "sounds"})
        shard = Shard(**check_fields(Shard, values["shard"]))
        return cls(values["fingerprint"], rows, tuple(values["skipped"]), shard, sounds)


def write_shards(
    out: Path,
    plans: Sequence[ShardPlan],
    processes: int,
    skip_bad: bool,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[WrittenShard]:
    """Writes the shards that an earlier, interrupted call did not finish.

    A shard is written under a temporary name and gets its own when it is complete.

    Args:
        out: folder of the record set.
        plans: the shards.
        processes: number of worker processes; 1 works in this one.
        skip_bad: write a shard without the recordings that cannot be used; otherwise it is not written.
        progress: called with the number of utterances done and the total.

    Returns:
        The outcome of every plan, in order.
    """
    files.make_folder(out / PROGRESS)
    files.remove_partial(out)
    total, done = sum(len(plan.jobs) for plan in plans), 0
    written = []
    with worker_pool(processes) as pool:
        for plan in plans:
            shard = finished_shard(out, plan)
            if shard is None:
                extracted = extract_all(pool, processes, plan.jobs)
                shard = write_shard(out, plan, counted(extracted, done, total, progress), skip_bad)
            done += len(plan.jobs)
            progress(done, total)
            written.append(shard)
    return written


def counted(
    extracted: Iterable[Extracted], done: int, total: int, progress: Callable[[int, int], None]
) -> Iterator[Extracted]:
    """Yields extracted utterances and calls `progress` with their number, from `done` up, and the total."""
    for number, item in enumerate(extracted, start=done + 1):
        progress(number, total)
        yield item


def finished_shard(out: Path, plan: ShardPlan) -> WrittenShard | None:
    """Returns the outcome of an earlier, interrupted call, if the shard is undamaged and its plan has not changed."""
    note, path = _note_path(out, plan), out / plan.file
    if not note.exists() or not path.exists():
        return None
    try:
        with foreign_errors(note, "not the note of a shard", "delete it"):
            shard = WrittenShard.from_dict(files.read_json(note, "delete it"))
    except FileError:
        return None  # the note was cut off, or an earlier version wrote it without sounds: the shard is made again
    left_out = {job.id for job in plan.jobs if job.failure}
    unchanged = (
        left_out.isdisjoint(row.id for row in shard.rows)
        and shard.fingerprint == plan.fingerprint()
        and shard.shard.sha256 == files.sha256_of_file(path)
    )
    return shard if unchanged else None


def _note_path(out: Path, plan: ShardPlan) -> Path:
    return out / PROGRESS / f"{plan.file}.json"


def write_shard(out: Path, plan: ShardPlan, extracted: Iterable[Extracted], skip_bad: bool) -> WrittenShard:
    """Writes a shard and its note; neither stays when a recording fails."""
    path = out / plan.file
    rows, skipped, sounds = _write_segments(path, extracted)
    if not rows or (skipped and not skip_bad):
        path.unlink()
        return WrittenShard(plan.fingerprint(), skipped=skipped)
    shard = Shard(
        plan.file,
        plan.speaker,
        files.sha256_of_file(path),
        sum(not row.copy_of for row in rows),
        sum(row.num_segments for row in rows),
    )
    written = WrittenShard(plan.fingerprint(), rows, skipped, shard, sounds)
    files.write_json(_note_path(out, plan), written.to_dict())
    return written


def _write_segments(
    path: Path, extracted: Iterable[Extracted]
) -> tuple[tuple[UtteranceRow, ...], tuple[dict, ...], Sounds]:
    """Writes segments to a TFRecord file; returns the rows of their utterances, the recordings left out, and the sounds."""
    import tensorflow as tf

    rows, skipped, sounds = [], [], []
    try:
        with files.atomic_path(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
            for item in extracted:
                if item.failure:
                    skipped.append({"id": item.job.id, "path": item.job.relative_path, "reason": item.failure})
                else:
                    _write_utterance(writer, item)
                    rows.append(item.row)
                    sounds.append(item.sounds)
    except tf.errors.OpError as error:
        raise OSError(
            f"{path}: cannot be written ({error.message}); free some space or choose another folder"
        ) from error
    return tuple(rows), tuple(skipped), joined(sounds)


def _write_utterance(writer, item: Extracted) -> None:
    for index, (features, num_frames) in enumerate(zip(item.features, item.num_frames, strict=True)):
        writer.write(encode_segment(features, int(num_frames), item.row, index, item.job.settings.dtype))
