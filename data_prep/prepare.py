"""Preparation of a record set from a corpus: parallel, resumable and atomic."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from acrnn import files
from acrnn.console import import_quietly
from acrnn.engines import Engine
from acrnn.output import lock
from acrnn.records.manifest import MANIFEST, Manifest, shard_name
from acrnn.records.record_set import RecordSet
from acrnn.records.sounds import joined, write_sounds
from acrnn.records.utterance_table import UNKNOWN_SPEAKER, UTTERANCES, UtteranceRow, write_utterances
from acrnn.records.versions import version_of
from data_prep.auxiliary_inputs import Recordings
from data_prep.corpora.base import Corpus, Selection
from data_prep.extract import Settings
from data_prep.repeated_sounds import repeated_sounds
from data_prep.shard_plans import SHARD_BYTES, ShardPlan, plan_shards
from data_prep.shard_tasks import write_shards_by
from data_prep.shards import PROGRESS, WrittenShard

_VERSIONED = ("acrnn", "numpy", "python_speech_features", "librosa", "soundfile", "soxr", "tensorflow")


class PreparationError(ValueError):
    """Recordings that cannot be used.

    Args:
        failures: all of them, each with id, path and reason.
        remedy: how to leave them out.
    """

    def __init__(self, failures: Sequence[Mapping], remedy: str = "set skip_bad to leave them out"):
        self.failures, self.remedy = tuple(failures), remedy
        listed = "\n".join(f"  {failure['id']}: {failure['reason']}" for failure in failures)
        super().__init__(
            f"{len(failures)} of the utterances cannot be used; repair or remove them, or {remedy}:\n{listed}"
        )


def prepare(
    corpus: Corpus,
    recordings: Recordings,
    data_dir: Path,
    out: Path,
    settings: Settings,
    subset: str | None = None,
    jobs: int = 1,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
    engine: Engine | None = None,
    shard_bytes: int = SHARD_BYTES,
) -> Manifest:
    """Writes the record set of a selection and returns its manifest.

    A later call with the same recordings and settings keeps the shards that are finished. Memory holds the features of a
    few utterances per worker, whatever the size of the corpus, and the table and the fingerprints of all utterances.

    Args:
        corpus: the corpus.
        recordings: utterances and their auxiliary inputs.
        data_dir: folder of the corpus; paths in the records are relative to it.
        out: folder of the record set, made if it does not exist.
        settings: front end, segment rule, precision and speeds.
        subset: name of the selection; None for the first of the corpus.
        jobs: number of worker processes; 1 works in this one.
        skip_bad: leave out recordings that cannot be used, or that repeat an earlier one, and list them in the manifest.
        progress: called with the number of utterances done and the total.
        engine: see `write_shards_by`.
        shard_bytes: size above which the segments of a speaker are divided into several shards; finished records of another
            size are used as they are.

    Raises:
        PreparationError: recordings cannot be used, or repeat an earlier one of the same speaker and emotion, and skip_bad is
            False; finished shards are kept.
        ValueError: `out` has a finished record set of other recordings or settings; or two utterances of different speakers
            or emotions have the same sound.
        OSError: the disk is full, the folder cannot be written, or another process works in it.
    """
    _refuse_single_emotion(recordings.selection, data_dir)
    if not (out / MANIFEST).exists():
        plans = plan_shards(recordings.selection, data_dir, settings, shard_bytes)
        with lock.exclusive(out):
            if not (out / MANIFEST).exists():
                written = _write(out, plans, jobs, skip_bad, progress, engine)
                divided = shard_bytes if any(plan.part for plan in plans) else None
                return _finish(out, corpus, recordings, subset, settings, written, divided)
    if (
        out / PROGRESS
    ).exists():  # the process that wrote the manifest was killed before it had cleaned up, or is about to
        with suppress(OSError), lock.exclusive(out):
            _remove_leftovers(out)
    return _finished_manifest(out, corpus, recordings, data_dir, settings, skip_bad)


def _write(
    out: Path,
    plans: Sequence[ShardPlan],
    jobs: int,
    skip_bad: bool,
    progress: Callable[[int, int], None],
    engine: Engine | None,
) -> list[WrittenShard]:
    progress(0, sum(len(plan.jobs) for plan in plans))  # TensorFlow and the worker processes take some seconds to start
    import_quietly("tensorflow")
    written = write_shards_by(engine, out, plans, jobs, skip_bad, progress)
    failures = [failure for shard in written for failure in shard.skipped]
    if failures and not skip_bad:
        raise PreparationError(failures)
    return _without_repetitions(out, plans, written, jobs, skip_bad, engine)


def _remove_leftovers(out: Path) -> None:
    """Removes what a finished preparation does not need: the notes, and temporary files of killed processes."""
    shutil.rmtree(out / PROGRESS)
    files.remove_partial(out)


def _without_repetitions(
    out: Path,
    plans: Sequence[ShardPlan],
    written: Sequence[WrittenShard],
    jobs: int,
    skip_bad: bool,
    engine: Engine | None,
) -> list[WrittenShard]:
    """Writes the shards with repeated recordings again without these, or refuses them; returns all shards."""
    rows = [row for shard in written for row in shard.rows if not row.copy_of]
    starts = {job.utterance.id: job.utterance.start_seconds or 0.0 for plan in plans for job in plan.jobs}
    reasons = repeated_sounds(rows, starts, joined([shard.sounds for shard in written]))
    if reasons and not skip_bad:
        paths = {row.id: row.path for row in rows}
        raise PreparationError([{"id": id, "path": paths[id], "reason": reason} for id, reason in reasons.items()])
    shorter = [plan.without(reasons) for plan in plans]
    changed = [number for number, plan in enumerate(plans) if shorter[number] != plan]
    if not changed:
        return list(written)
    again = write_shards_by(engine, out, [shorter[number] for number in changed], jobs, skip_bad)
    outcomes = {**dict(enumerate(written)), **dict(zip(changed, again, strict=True))}
    return [outcomes[number] for number in range(len(plans))]


def _refuse_single_emotion(selection: Selection, data_dir: Path) -> None:
    if len(emotions := {utterance.emotion for utterance in selection.utterances}) < 2:
        raise ValueError(f"{data_dir}: all utterances are {emotions.pop()!r}; two emotions at least make a task")


def _finished_manifest(
    out: Path, corpus: Corpus, recordings: Recordings, data_dir: Path, settings: Settings, skip_bad: bool
) -> Manifest:
    """Returns the manifest of a finished record set, refused unless it has the same recordings and settings."""
    manifest = RecordSet(out).manifest
    plans = plan_shards(recordings.selection, data_dir, settings, manifest.shard_bytes)
    same = (
        Settings(manifest.frontend, manifest.rule, manifest.dtype, manifest.speeds, manifest.speed_by) == settings
        and manifest.corpus["name"]
        in (corpus.name, corpus.reader)  # earlier versions named own data after their reader
        and manifest.labels == recordings.selection.labels
        and manifest.auxiliary_inputs == recordings.entries
        and manifest.source_sha256 == _source_sha256(plan.fingerprint() for plan in plans)
    )
    if not same:
        raise ValueError(
            f"{out}: holds finished records of other recordings or settings; choose another folder or delete it"
        )
    if manifest.skipped and not skip_bad:
        raise ValueError(
            f"{out}: its records were prepared with skip_bad, without {len(manifest.skipped)} recordings; "
            "set skip_bad again to use them, or delete the folder"
        )
    return manifest


def _source_sha256(fingerprints: Iterable[str]) -> str:
    return files.sha256_of_json(list(fingerprints))


def _finish(
    out: Path,
    corpus: Corpus,
    recordings: Recordings,
    subset: str | None,
    settings: Settings,
    written: Sequence[WrittenShard],
    shard_bytes: int | None,
) -> Manifest:
    """Writes the table, the auxiliary inputs and, last, the manifest; then removes the notes and shards of other calls."""
    rows = [row for shard in written for row in shard.rows]
    if not rows:
        raise ValueError(f"{out}: no recording could be used; nothing was written")
    write_utterances(out / UTTERANCES, rows)
    for name, content in recordings.tables.items():
        with files.atomic_path(out / name) as temporary:
            temporary.write_bytes(content)
    sounds = write_sounds(out, joined([shard.sounds for shard in written]))
    manifest = replace(
        _manifest(out, corpus, recordings, subset, settings, written), sounds=sounds, shard_bytes=shard_bytes
    )
    current = {shard.file for shard in manifest.shards}
    for path in out.glob(shard_name("*").replace("%2A", "*")):
        if path.name not in current:
            path.unlink()  # of an interrupted call with another selection
    files.write_sealed_json(out / MANIFEST, manifest.to_dict())
    _remove_leftovers(out)
    return manifest


def _manifest(
    out: Path,
    corpus: Corpus,
    recordings: Recordings,
    subset: str | None,
    settings: Settings,
    written: Sequence[WrittenShard],
) -> Manifest:
    selection = recordings.selection
    skipped = tuple(failure for shard in written for failure in shard.skipped)
    utterances = [row for shard in written for row in shard.rows if not row.copy_of]
    return Manifest(
        corpus=_corpus_entry(corpus, subset, selection, selection.complete and not skipped),
        labels=selection.labels,
        frontend=settings.frontend,
        rule=settings.rule,
        dtype=settings.dtype,
        shards=tuple(shard.shard for shard in written if shard.shard),
        utterances_sha256=files.sha256_of_file(out / UTTERANCES),
        source_sha256=_source_sha256(shard.fingerprint for shard in written),
        counts=_counts(utterances, selection.labels),
        skipped=skipped,
        versions={name: version_of(name) for name in _VERSIONED},
        speeds=settings.speeds,
        speed_by=settings.speed_by,
        auxiliary_inputs=recordings.entries,
    )


def _corpus_entry(corpus: Corpus, subset: str | None, selection: Selection, complete: bool) -> dict:
    reader = {"reader": corpus.reader} if corpus.reader else {}
    is_unknown = any(utterance.speaker == UNKNOWN_SPEAKER for utterance in selection.utterances)
    return {
        "name": corpus.name,
        **reader,
        **({"speakers": "unknown"} if is_unknown else {}),
        "title": corpus.title,
        "version": corpus.version,
        "subset": subset or next(iter(corpus.subsets), None),
        "complete": complete,
        "licence": corpus.licence,
        "citation": corpus.citation,
    }


def _counts(rows: Sequence[UtteranceRow], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    """Number of utterances, by speaker and emotion."""
    counts = Counter((row.speaker, row.emotion) for row in rows)
    speakers = sorted({row.speaker for row in rows})
    return {speaker: {label: counts[speaker, label] for label in labels} for speaker in speakers}
