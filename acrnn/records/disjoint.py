"""Comparison of two record sets: one that adds to the training or is tested shares no recording and no speaker with the other."""

from __future__ import annotations

from acrnn.errors import FieldError
from acrnn.records.record_set import RecordSet
from acrnn.records.shared_sounds import shared_between


def check_disjoint(other: RecordSet, records: RecordSet, purpose: str) -> None:
    """Refuses a record set that was not prepared as another one, or that overlaps it.

    Args:
        other: record set that adds to the training.
        records: record set to train, validate and test on.
        purpose: use of `other`, for messages, such as "pre-training on".

    Raises:
        ValueError: `other` has another front end or segment rule, or a recording in common with `records`, also in another file,
            format or level if both keep their sounds; or it is of the same corpus and has a speaker in common.
    """
    if (other.manifest.frontend, other.manifest.rule) != (records.manifest.frontend, records.manifest.rule):
        raise ValueError(
            f"{purpose} {other.folder}: its front end or segment rule is not that of {records.folder}; "
            "prepare both in the same way"
        )
    compared, shared = shared_recordings(other, records)
    if shared:
        raise ValueError(
            f"{purpose} {other.folder}: {shared[0]} and {len(shared) - 1} other recordings are also in "
            f"{records.folder}, where they may be tested ({compared} were compared); use another corpus"
        )
    _check_speakers(other, records, purpose)


def _shared_speakers(one: RecordSet, other: RecordSet) -> list[str]:
    """Speakers that two record sets of the same corpus both have; two names of own data may have one origin."""
    if one.manifest.reader != other.manifest.reader:
        return []
    return sorted({row.speaker for row in one.utterances} & {row.speaker for row in other.utterances})


def _check_speakers(other: RecordSet, records: RecordSet, purpose: str) -> None:
    corpus, shared = records.manifest.reader, _shared_speakers(other, records)
    if shared:
        raise ValueError(
            f"{purpose} {other.folder}: it is of the same corpus as {records.folder} ({corpus}), and speakers "
            f"{', '.join(shared[:3])} are in both, where they may be tested; leave them out, or rename them if they "
            "are different people"
        )


def shared_recordings(other: RecordSet, records: RecordSet) -> tuple[str, list[str]]:
    """Returns what was compared, and the paths of the recordings of one record set that are also in another.

    Decoded samples and fingerprints find copies in other files, formats and levels. Records that were made before record
    sets kept their sounds have only checksums of files.
    """
    paths = {row.id: row.path for row in other.utterances}
    checksums = {row.sha256 for row in records.utterances}
    shared = {row.id for row in other.utterances if row.sha256 in checksums and not row.copy_of}
    if other.sounds is None or records.sounds is None:
        return "checksums of files alone", _paths(shared, paths)
    samples = set(records.sounds.sha256.values())
    shared |= {name for name, sha256 in other.sounds.sha256.items() if sha256 in samples}
    shared |= {pair.first for pair in shared_between(other.sounds.fingerprints, records.sounds.fingerprints)}
    return "files, decoded samples and fingerprints", _paths(shared, paths)


def _paths(ids: set[str], paths: dict[str, str]) -> list[str]:
    return [path for name, path in paths.items() if name in ids]


def check_pair(train: RecordSet, test: RecordSet) -> None:
    """Refuses two record sets that cannot be trained and tested on.

    Raises:
        FieldError: front ends or segment rules differ, fewer than two emotions are shared, or the record sets share a
            recording, or a speaker of one corpus.
    """
    for name, own, other in (
        ("frontend", train.manifest.frontend, test.manifest.frontend),
        ("rule", train.manifest.rule, test.manifest.rule),
    ):
        if own != other:
            raise FieldError(
                "test", test.folder, f"its {name} is {other}, that of {train.folder} {own}; prepare it anew"
            )
    if speakers := _shared_speakers(train, test):
        raise FieldError(
            "test", test.folder, f"it has speakers of {train.folder} ({', '.join(speakers[:3])}); name another corpus"
        )
    shared = set(train.manifest.labels) & set(test.manifest.labels)
    if len(shared) < 2:
        labels = ", ".join(test.manifest.labels)
        raise FieldError(
            "test", test.folder, f"of its emotions ({labels}) {train.folder} shares {len(shared)}, two are needed"
        )
    compared, recordings = shared_recordings(train, test)
    if recordings:
        problem = (
            f"{recordings[0]} and {len(recordings) - 1} other recordings are also in {train.folder} (by {compared})"
        )
        raise FieldError("test", test.folder, f"{problem}; leave them out of one")
