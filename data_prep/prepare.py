"""Corpus → records: features and segments of every utterance, one shard a speaker, in parallel, resumable, atomic."""

from __future__ import annotations

import itertools
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from acrnn import audio, files, frontends, records, segments
from acrnn.console import import_quietly
from acrnn.frontends import Spec
from acrnn.segments import SegmentRule
from acrnn.workers import CONTEXT, end_with_parent
from data_prep import speed as augment
from data_prep.auxiliary_inputs import Accompanied
from data_prep.corpora.base import Corpus, Selection, Utterance

PROGRESS = ".progress"
_VERSIONED = ("acrnn", "numpy", "python_speech_features", "librosa", "soundfile", "soxr", "tensorflow")


@dataclass(frozen=True)
class Settings:
    """What decides the bytes of the records, beside the recordings themselves."""

    frontend: Spec
    rule: SegmentRule
    dtype: str = "float32"
    speeds: tuple[float, ...] = (1.0,)
    speed_by: str = "resampling"

    def to_dict(self) -> dict:
        copies = {"speeds": list(self.speeds), "speed_by": self.speed_by} if len(self.speeds) > 1 else {}
        return {
            **copies,
            "frontend": frontends.to_dict(self.frontend),
            "segments": segments.to_dict(self.rule),
            "dtype": self.dtype,
        }


@dataclass(frozen=True)
class Job:
    """One utterance to extract, or a copy of it at another speed, small enough to send to a worker process."""

    utterance: Utterance
    label: int
    relative_path: str
    settings: Settings
    speed: float = 1.0

    @property
    def id(self) -> str:
        """The utterance's, with the speed of a copy."""
        return self.utterance.id if self.speed == 1 else f"{self.utterance.id}@{self.speed:g}"


@dataclass(frozen=True)
class Extracted:
    """What comes back: the row for the table with its segments, or the reason why there are none."""

    job: Job
    row: records.UtteranceRow | None = None
    features: np.ndarray | None = None
    num_frames: np.ndarray | None = None
    failure: str | None = None


class PreparationError(ValueError):
    """Some utterances could not be used; `failures` lists all of them."""

    def __init__(self, failures: Sequence[dict]):
        self.failures = tuple(failures)
        listed = "\n".join(f"  {failure['id']}: {failure['reason']}" for failure in failures)
        super().__init__(
            f"{len(failures)} of the utterances cannot be used; repair or remove them, or pass --skip-bad to leave them out:\n"
            f"{listed}"
        )


def prepare(
    corpus: Corpus,
    accompanied: Accompanied,
    data_dir: Path,
    out: Path,
    settings: Settings,
    subset: str | None = None,
    jobs: int = 1,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> records.Manifest:
    """Writes the record set of a selection and returns its manifest.

    A shard is written under a temporary name and takes its own when it is whole; a later call with the same recordings
    and settings keeps the finished ones. Memory stays at a few utterances a worker, whatever the size of the corpus.

    Args:
        corpus, accompanied, subset: what is prepared, and what lies beside it.
        data_dir: the corpus' folder; paths in the records are relative to it.
        out: folder of the record set, made if need be.
        settings: front end, segment rule, precision.
        jobs: worker processes; 1 works in this one.
        skip_bad: leave out recordings that cannot be used, and list them in the manifest.
        progress: called with utterances done and utterances in all.

    Raises:
        PreparationError: recordings cannot be used and skip_bad is off; the shards without any are kept.
        ValueError: `out` holds a finished record set of other recordings or settings.
        OSError: the disk is full or the folder cannot be written.
    """
    selection = accompanied.selection
    if len(emotions := {utterance.emotion for utterance in selection.utterances}) < 2:
        raise ValueError(f"{data_dir}: all utterances are {emotions.pop()!r}; two emotions at least make a task")
    files.make_folder(out)
    shards = _plan(selection, data_dir, settings)
    if (out / records.MANIFEST).exists():
        return _finished(out, corpus, accompanied, shards, settings, skip_bad)
    import_quietly("tensorflow")
    (out / PROGRESS).mkdir(exist_ok=True)
    files.remove_partial(out)
    total, failures, finished = sum(len(shard.jobs) for shard in shards), [], []
    done = 0
    with _executor(jobs) as executor:
        for shard in shards:
            outcome = _kept(out, shard)
            if outcome is None:
                extracted = _extract_all(executor, jobs, shard.jobs)
                counted = _counting(extracted, done, total, progress)
                outcome = _write_shard(out, shard, counted, skip_bad)
            done += len(shard.jobs)
            progress(done, total)
            failures += outcome["skipped"]
            finished.append(outcome)
    if failures and not skip_bad:
        raise PreparationError(failures)
    return _finish(out, corpus, accompanied, subset, settings, finished)


@dataclass(frozen=True)
class _Plan:
    """A shard to be written."""

    speaker: str
    jobs: tuple[Job, ...]

    def fingerprint(self) -> str:
        """Changes with the recordings, with what is known of them, and with the settings; reads every file."""
        described = [
            {
                **asdict(job.utterance),
                "path": job.relative_path,
                "label": job.label,
                "sha256": _sha256(job.utterance.path),
                **({} if job.speed == 1 else {"speed": job.speed}),
            }
            for job in self.jobs
        ]
        return files.sha256_of_json([self.jobs[0].settings.to_dict(), described, metadata.version("acrnn")])


def _sha256(path: Path) -> str:
    try:
        return files.sha256_of_file(path)
    except OSError:
        return ""  # it cannot be read, which its extraction will tell


def _plan(selection: Selection, data_dir: Path, settings: Settings) -> list[_Plan]:
    labels = {emotion: label for label, emotion in enumerate(selection.labels)}
    plans = []
    by_speaker = sorted(selection.utterances, key=lambda utterance: (utterance.speaker, utterance.id))
    for speaker, group in itertools.groupby(by_speaker, key=lambda utterance: utterance.speaker):
        jobs = tuple(
            Job(utterance, labels[utterance.emotion], _relative(utterance.path, data_dir), settings, speed)
            for utterance in group
            for speed in settings.speeds
        )
        plans.append(_Plan(speaker, jobs))
    return plans


def _relative(path: Path, data_dir: Path) -> str:
    folder = data_dir.parent if data_dir.is_file() else data_dir
    try:
        return path.relative_to(folder).as_posix()
    except ValueError:  # the table may lie beside the recordings, or name absolute paths
        return path.name


def _finished(
    out: Path, corpus: Corpus, accompanied: Accompanied, plans: Sequence[_Plan], settings: Settings, skip_bad: bool
) -> records.Manifest:
    """The manifest that is there already, if it is what would be made."""
    manifest = records.RecordSet(out).manifest
    same = (
        Settings(manifest.frontend, manifest.rule, manifest.dtype, manifest.speeds, manifest.speed_by) == settings
        and manifest.corpus["name"] == corpus.name
        and manifest.labels == accompanied.selection.labels
        and manifest.auxiliary_inputs == accompanied.entries
        and manifest.source_sha256 == _source_sha256(plan.fingerprint() for plan in plans)
    )
    if not same:
        raise ValueError(
            f"{out}: holds finished records of other recordings or settings; choose another folder or delete it"
        )
    if manifest.skipped and not skip_bad:
        raise ValueError(
            f"{out}: its records were made with --skip-bad, {len(manifest.skipped)} recordings are left out; "
            "pass it again to use them so, or delete the folder"
        )
    return manifest


def _source_sha256(fingerprints: Iterable[str]) -> str:
    return files.sha256_of_json(list(fingerprints))


def _executor(jobs: int):
    return ProcessPoolExecutor(jobs, CONTEXT, end_with_parent) if jobs > 1 else nullcontext()


def _extract_all(executor: Executor | None, jobs: int, work: Iterable[Job]) -> Iterator[Extracted]:
    """Results in the order of the work, with no more than a few of them waiting in memory."""
    if executor is None:
        yield from map(extract, work)
        return
    waiting: deque = deque()
    for job in work:
        waiting.append(executor.submit(extract, job))
        if len(waiting) >= 4 * jobs:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def extract(job: Job) -> Extracted:
    """Features and segments of one utterance; a recording that cannot be used becomes a reason, not an exception."""
    utterance, spec = job.utterance, job.settings.frontend
    try:
        waveform = audio.load_waveform(
            utterance.path, spec.sample_rate_hz, utterance.start_seconds, utterance.end_seconds
        )
        if job.speed != 1:
            waveform = augment.at_speed(waveform, job.speed, spec.sample_rate_hz, job.settings.speed_by)
        features = _features(utterance, spec, waveform)
    except (audio.AudioError, OSError) as error:
        return Extracted(job, failure=str(error))
    cut, num_frames = job.settings.rule.cut(features)
    row = records.UtteranceRow(
        id=job.id,
        speaker=utterance.speaker,
        session=utterance.session,
        emotion=utterance.emotion,
        label=job.label,
        num_frames=len(features),
        num_segments=len(cut),
        duration_seconds=round(len(waveform) / spec.sample_rate_hz, 4),
        sample_rate_hz=audio.sample_rate_hz(utterance.path),
        path=job.relative_path,
        sha256=files.sha256_of_file(utterance.path),
        text=" ".join((utterance.text or "").split()),
        split=utterance.split or "",
        speed=job.speed,
        copy_of="" if job.speed == 1 else utterance.id,
    )
    return Extracted(job, row, cut, num_frames)


def _features(utterance: Utterance, spec: Spec, waveform: np.ndarray) -> np.ndarray:
    try:
        return spec.extract(waveform)
    except ValueError as error:
        raise audio.AudioError(f"{utterance.path}: {error}") from error


def _counting(
    extracted: Iterable[Extracted], done: int, total: int, progress: Callable[[int, int], None]
) -> Iterator[Extracted]:
    for number, item in enumerate(extracted, start=done + 1):
        progress(number, total)
        yield item


def _kept(out: Path, plan: _Plan) -> dict | None:
    """What an earlier, interrupted call finished of a shard, if the shard is still whole and still wanted so."""
    note, path = _note_path(out, plan), out / records.shard_name(plan.speaker)
    if not note.exists() or not path.exists():
        return None
    try:
        outcome = files.read_json(note, "")
    except ValueError:
        return None  # cut off while it was written: the shard is simply made again
    whole = outcome["fingerprint"] == plan.fingerprint() and outcome["shard"]["sha256"] == files.sha256_of_file(path)
    return outcome if whole else None


def _note_path(out: Path, plan: _Plan) -> Path:
    return out / PROGRESS / f"{records.shard_name(plan.speaker)}.json"


def _write_shard(out: Path, plan: _Plan, extracted: Iterable[Extracted], skip_bad: bool) -> dict:
    """Writes a speaker's shard with a note of what is in it; neither is left behind when a recording fails."""
    import tensorflow as tf

    path = out / records.shard_name(plan.speaker)
    rows, skipped = [], []
    try:
        with files.atomic_path(path) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
            for item in extracted:
                if item.failure:
                    skipped.append({"id": item.job.id, "path": item.job.relative_path, "reason": item.failure})
                else:
                    _write_utterance(writer, item)
                    rows.append(asdict(item.row))
    except tf.errors.OpError as error:
        raise OSError(
            f"{path}: cannot be written ({error.message}); free some space or choose another --out"
        ) from error
    if not rows or (skipped and not skip_bad):
        path.unlink()
        return {"fingerprint": plan.fingerprint(), "rows": [], "skipped": skipped}
    shard = records.Shard(
        path.name,
        plan.speaker,
        files.sha256_of_file(path),
        sum(not row["copy_of"] for row in rows),
        sum(row["num_segments"] for row in rows),
    )
    outcome = {"fingerprint": plan.fingerprint(), "shard": asdict(shard), "rows": rows, "skipped": skipped}
    files.write_json(_note_path(out, plan), outcome)
    return outcome


def _write_utterance(writer, item: Extracted) -> None:
    for index, (features, num_frames) in enumerate(zip(item.features, item.num_frames, strict=True)):
        writer.write(records.encode_segment(features, int(num_frames), item.row, index, item.job.settings.dtype))


def _finish(
    out: Path,
    corpus: Corpus,
    accompanied: Accompanied,
    subset: str | None,
    settings: Settings,
    outcomes: Sequence[dict],
) -> records.Manifest:
    """Writes the table and what is beside it, the manifest, then forgets the notes: so a kill leaves nothing half done."""
    selection = accompanied.selection
    rows = [records.UtteranceRow(**row) for outcome in outcomes for row in outcome["rows"]]
    if not rows:
        raise ValueError(f"{out}: no recording could be used; nothing was written")
    spoken = [row for row in rows if not row.copy_of]
    _refuse_shared_sound(spoken, {utterance.id: utterance for utterance in selection.utterances})
    records.write_utterances(out / records.UTTERANCES, rows)
    for name, content in accompanied.contents.items():
        with files.atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
    manifest = records.Manifest(
        corpus={
            "name": corpus.name,
            "title": corpus.title,
            "version": corpus.version,
            "subset": subset or next(iter(corpus.subsets), None),
            "complete": selection.complete and not any(outcome["skipped"] for outcome in outcomes),
            "licence": corpus.licence,
            "citation": corpus.citation,
        },
        labels=selection.labels,
        frontend=settings.frontend,
        rule=settings.rule,
        dtype=settings.dtype,
        shards=tuple(records.Shard(**outcome["shard"]) for outcome in outcomes if "shard" in outcome),
        utterances_sha256=files.sha256_of_file(out / records.UTTERANCES),
        source_sha256=_source_sha256(outcome["fingerprint"] for outcome in outcomes),
        counts=_counts(spoken, selection.labels),
        skipped=tuple(item for outcome in outcomes for item in outcome["skipped"]),
        versions={name: metadata.version(name) for name in _VERSIONED},
        speeds=settings.speeds,
        speed_by=settings.speed_by,
        auxiliary_inputs=accompanied.entries,
    )
    for path in out.glob(records.shard_name("*").replace("%2A", "*")):
        if path.name not in {shard.file for shard in manifest.shards}:
            path.unlink()  # of an interrupted call for another selection
    files.write_sealed_json(out / records.MANIFEST, manifest.to_dict())
    shutil.rmtree(out / PROGRESS)
    return manifest


def _refuse_shared_sound(rows: Sequence[records.UtteranceRow], utterances: Mapping[str, Utterance]) -> None:
    """Refuses the same sound under two speakers or two emotions: it would be trained on and tested on.

    Copies of a file are found by their checksum; parts of one file may belong to different speakers if they do not overlap.
    """
    by_sound: dict[str, list[tuple[float, float, records.UtteranceRow]]] = {}
    for row in rows:
        start = utterances[row.id].start_seconds or 0.0
        by_sound.setdefault(row.sha256, []).append((start, start + row.duration_seconds, row))
    for parts in by_sound.values():
        parts.sort(key=lambda part: part[:2])
        for (_, end, one), (start, _, other) in itertools.pairwise(parts):
            if start < end - 0.01 and (one.speaker, one.emotion) != (other.speaker, other.emotion):
                raise ValueError(
                    f"{one.path} ({one.id}: {one.speaker}, {one.emotion}) and {other.path} ({other.id}: {other.speaker}, "
                    f"{other.emotion}) are the same sound; correct the speaker or the label, or leave one out"
                )


def _counts(rows: Sequence[records.UtteranceRow], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    found = Counter((row.speaker, row.emotion) for row in rows)
    speakers = sorted({row.speaker for row in rows})
    return {speaker: {label: found[speaker, label] for label in labels} for speaker in speakers}
