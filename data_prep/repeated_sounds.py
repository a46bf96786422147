"""Recordings that a corpus holds twice: found by the times in a file, by decoded samples and by fingerprints.

The same sound under two speakers or two emotions is refused: it could train and be tested. In one session of several speakers it
is where turns of a conversation overlap; neither turn can be used. The same sound under two ids of one speaker and emotion is a
recording that cannot be used twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from acrnn.records.shared_sounds import shared_sounds
from acrnn.records.sounds import Sounds
from acrnn.records.utterance_table import UtteranceRow

_ROUNDING_SECONDS = 0.01  # parts of a recording that overlap by less do not overlap
_COPY = 0.5  # share of an utterance that a fingerprint must cover to make it a copy
_LISTED = 5  # pairs in a message


class SameSound(NamedTuple):
    """Two utterances with the same sound, and how it was found out."""

    first: UtteranceRow
    second: UtteranceRow
    evidence: str

    @property
    def contradictory(self) -> bool:
        """True if the utterances have different speakers or emotions."""
        return (self.first.speaker, self.first.emotion) != (self.second.speaker, self.second.emotion)

    @property
    def of_conversation(self) -> bool:
        """True for two turns of one session that is not named after its only speaker."""
        session = self.first.session
        return session == self.second.session and session not in (self.first.speaker, self.second.speaker)


def repeated_sounds(rows: Sequence[UtteranceRow], start_seconds: Mapping[str, float], sounds: Sounds) -> dict[str, str]:
    """Returns the utterances that cannot be used, since others have the same sound: reasons by id.

    These are the ones that repeat an earlier one of the same speaker and emotion, and both turns of a conversation that have the
    same sound under two speakers or emotions.

    Args:
        rows: rows of the table, without copies at other speeds.
        start_seconds: start of each utterance in its file, by id.
        sounds: sounds of the utterances.

    Raises:
        ValueError: two utterances of different speakers or emotions have the same sound, and are no turns of a conversation.
    """
    copies = [*_equal_samples(rows, sounds), *_equal_fingerprints(rows, sounds)]
    found = [*_overlaps(rows, start_seconds), *copies]
    _refuse_contradictions([pair for pair in found if not pair.of_conversation])
    reasons = _mixed_turns(found)
    place = {row.id: number for number, row in enumerate(rows)}
    for copy in sorted(copies, key=lambda copy: (place[copy.second.id], place[copy.first.id])):
        if copy.first.id not in reasons:
            reasons.setdefault(
                copy.second.id,
                f"{copy.second.path}: the same recording as {copy.first.path} ({copy.first.id}; {copy.evidence})",
            )
    return reasons


def _mixed_turns(pairs: Sequence[SameSound]) -> dict[str, str]:
    """Returns the turns of conversations that have the sound of another speaker or emotion: reasons by id."""
    return {
        row.id: f"{row.path}: the same sound as {other.path}, another turn ({_described(other)}; {pair.evidence})"
        for pair in pairs
        if pair.contradictory and pair.of_conversation
        for row, other in (pair[:2], pair[1::-1])
    }


def _refuse_contradictions(pairs: Sequence[SameSound]) -> None:
    contradictions = {(pair.first.id, pair.second.id): pair for pair in reversed(pairs) if pair.contradictory}
    if contradictions:
        listed = [
            f"{pair.first.path} ({_described(pair.first)}) and {pair.second.path} ({_described(pair.second)}) "
            f"are the same sound ({pair.evidence})"
            for pair in reversed(contradictions.values())
        ]
        more = f"\nand {len(listed) - _LISTED} other pairs" if len(listed) > _LISTED else ""
        raise ValueError(
            "\n".join(listed[:_LISTED]) + more + "; correct the speaker or the label, or leave one of a pair out"
        )


def _described(row: UtteranceRow) -> str:
    return f"{row.id}: {row.speaker}, {row.emotion}"


def _overlaps(rows: Sequence[UtteranceRow], start_seconds: Mapping[str, float]) -> Iterator[SameSound]:
    """Yields parts of equal files that overlap and have different speakers or emotions."""
    by_file: dict[str, list[UtteranceRow]] = {}
    for row in rows:
        by_file.setdefault(row.sha256, []).append(row)
    for parts in by_file.values():
        latest: dict[tuple[str, str], tuple[float, UtteranceRow]] = {}  # end of the part, by speaker and emotion
        for row in sorted(parts, key=lambda row: start_seconds[row.id]):
            start, key = start_seconds[row.id], (row.speaker, row.emotion)
            for other, (end, earlier) in latest.items():
                if other != key and start < end - _ROUNDING_SECONDS:
                    yield SameSound(earlier, row, "they overlap in one file")
            part = (start + row.duration_seconds, row)
            latest[key] = max(latest.get(key, part), part, key=lambda part: part[0])


def _equal_samples(rows: Sequence[UtteranceRow], sounds: Sounds) -> Iterator[SameSound]:
    """Yields utterances with the same decoded samples, each with the first of them."""
    first: dict[str, UtteranceRow] = {}
    for row in rows:
        earlier = first.setdefault(sounds.sha256[row.id], row)
        if earlier is not row:
            yield SameSound(earlier, row, "equal samples")


def _equal_fingerprints(rows: Sequence[UtteranceRow], sounds: Sounds) -> Iterator[SameSound]:
    """Yields copies at another level, rate or in another format; parts of one file are compared by their times instead."""
    by_id = {row.id: row for row in rows}
    for shared in shared_sounds({row.id: sounds.fingerprints[row.id] for row in rows}):
        first, second = by_id[shared.first], by_id[shared.second]
        lengths = [np.count_nonzero(sounds.fingerprints[row.id]) for row in (first, second)]
        if first.sha256 != second.sha256 and shared.frames >= _COPY * _compared_length(first, second, lengths):
            percent = 100 * shared.bit_error_rate
            yield SameSound(first, second, f"fingerprints differ in {percent:.1f} % of the bits")


def _compared_length(first: UtteranceRow, second: UtteranceRow, lengths: Sequence[int]) -> int:
    """Returns the number of frames that a copy must cover half of: the shorter one, in one session the longer one.

    The turns of a conversation overlap: a microphone records a short turn of one speaker during a long one of the other.
    """
    return int(np.max(lengths) if first.session == second.session else np.min(lengths))
