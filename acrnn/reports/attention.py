"""Attention weights of some test utterances, laid over their spectrograms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from acrnn.crossval.results import Results, records_of
from acrnn.records import RecordSet
from acrnn.segments import attention_by_frame, lay_out

if TYPE_CHECKING:
    from acrnn.figures import AttentionExample


def attention_examples(results: Results, records: Path) -> list[AttentionExample]:
    """For every class, the first correctly recognized test utterance that has attention weights, in class order.

    Args:
        results: results of an experiment.
        records: folder of its record set.

    Raises:
        ValueError: the record set is damaged, or belongs to another experiment.
    """
    record_set = records_of(results.settings, records)
    record_set.verify()
    rows = {row.id: (number, row) for number, row in enumerate(record_set.utterances)}
    chosen: dict[int, AttentionExample] = {}
    for example in (example for run in results.runs for example in run.attention):
        number, row = rows.get(example.utterance, (None, None))
        if row is not None and row.label not in chosen:
            chosen[row.label] = _example(record_set, number, example.weights)
    return [chosen[label] for label in sorted(chosen)]


def _example(records: RecordSet, number: int, weights: Sequence[Sequence[float]]) -> AttentionExample:
    from acrnn.figures import AttentionExample

    row = records.utterances[number]
    segments = records.load([number])
    starts = records.manifest.rule.starts(row.num_frames)
    counts = segments.num_frames.tolist()
    features = [values[:count, :, 0] for values, count in zip(segments.features, counts, strict=True)]
    frames_per_step = -(-segments.features.shape[1] // len(weights[0]))
    return AttentionExample(
        title=f"{row.emotion}: {row.id} (speaker {row.speaker})",
        log_mel=lay_out(features, starts),
        weights=attention_by_frame(weights, starts, counts, frames_per_step),
        hop_seconds=records.manifest.frontend.hop_seconds,
    )
