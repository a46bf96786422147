"""Sources of batches: memory and disk give the same segments, in full batches, oversampled on request."""

import numpy as np
import pytest

from acrnn.batches.sources import Feeder, MemorySource, StreamedSource
from acrnn.batches.speaker_statistics import Choice
from acrnn.records import RecordSet


def sources(tiny_records):
    record_set = RecordSet(tiny_records)
    rows = [number for number, row in enumerate(record_set.utterances) if row.speaker in ("s1", "s3")]
    return MemorySource(record_set.load(), rows), StreamedSource(record_set, rows)


def test_memory_and_disk_give_the_same_segments_in_order(tiny_records):
    memory, disk = sources(tiny_records)
    assert len(memory) == len(disk) == 14
    for one, other in zip(memory.ordered(5), disk.ordered(5), strict=True):
        np.testing.assert_array_equal(one.inputs["features"], other.inputs["features"])
        np.testing.assert_array_equal(one.inputs["num_frames"], other.inputs["num_frames"])
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.utterances, other.utterances)


@pytest.mark.parametrize("kind", [0, 1], ids=["memory", "disk"])
def test_an_epoch_has_full_batches_that_hold_every_segment(tiny_records, kind):
    source = sources(tiny_records)[kind]
    batches = list(source.shuffled(5, np.random.default_rng(0)))
    assert [len(batch.labels) for batch in batches] == [5, 5, 5]
    keys = [features.tobytes() for batch in batches for features in batch.inputs["features"]]
    everything = {features.tobytes() for batch in source.ordered(14) for features in batch.inputs["features"]}
    assert set(keys) == everything and len(keys) == 15
    others = [b.labels.tolist() for b in source.shuffled(5, np.random.default_rng(1))]
    assert others != [batch.labels.tolist() for batch in batches]


@pytest.mark.parametrize("kind", [0, 1], ids=["memory", "disk"])
def test_oversampling_evens_the_classes_out_with_whole_utterances(tiny_records, kind):
    record_set = RecordSet(tiny_records)
    rows = [n for n, row in enumerate(record_set.utterances) if row.speaker == "s1" or row.emotion == "low"]
    source = (MemorySource(record_set.load(), rows), StreamedSource(record_set, rows))[kind]
    size, filled = len(source), source.oversampled(np.random.default_rng(0))
    batches = list(filled.ordered(7))
    drawn = np.concatenate([batch.utterances for batch in batches])
    segments = np.array([row.num_segments for row in record_set.utterances])
    times = np.bincount(drawn, minlength=len(segments)) / segments
    assert set(np.flatnonzero(times)) == set(rows) and (times == times.astype(int)).all()
    classes = [sum(times[n] for n in rows if record_set.utterances[n].emotion == e) for e in ("high", "low", "noisy")]
    assert classes == [10, 10, 10]
    assert len(filled) == len(drawn) and len(source) == size  # what it was drawn from is as it was
    shuffled = np.concatenate([batch.utterances for batch in filled.shuffled(7, np.random.default_rng(1))])
    assert len(shuffled) == -(-len(drawn) // 7) * 7 and set(shuffled) == set(rows)
    neighbors = [np.count_nonzero(np.diff(order) == 0) for order in (shuffled, drawn)]
    assert neighbors[0] < neighbors[1] / 2  # copies do not follow one another


@pytest.mark.parametrize("kind", [0, 1], ids=["memory", "disk"])
def test_a_balanced_draw_has_exactly_as_many_segments_of_each_class_and_none_of_other_utterances(tiny_records, kind):
    record_set = RecordSet(tiny_records)
    rows = [n for n, row in enumerate(record_set.utterances) if row.speaker == "s1" or row.emotion == "low"]
    source = (MemorySource(record_set.load(), rows), StreamedSource(record_set, rows))[kind]
    available = np.bincount(np.concatenate([batch.labels for batch in source.ordered(7)]))
    count = int(available.min()) + 2  # more than the smallest class has, fewer than the largest
    assert count < available.max()
    drawn = source.balanced(count, np.random.default_rng(0))
    batches = list(drawn.ordered(7))
    labels, utterances = (np.concatenate([getattr(b, name) for b in batches]) for name in ("labels", "utterances"))
    assert np.bincount(labels).tolist() == [count] * 3 and len(drawn) == 3 * count
    assert set(utterances) <= set(rows)
    assert [record_set.utterances[row].label for row in utterances] == labels.tolist()
    keys = [(label, x.tobytes()) for b in batches for label, x in zip(b.labels, b.inputs["features"], strict=True)]
    for label in range(3):  # a class repeats its segments no oftener than it must
        times = [keys.count(key) for key in set(keys) if key[0] == label]
        assert max(times) == -(-count // available[label])
    other = source.balanced(count, np.random.default_rng(1))
    assert not np.array_equal(np.concatenate([batch.utterances for batch in other.ordered(7)]), utterances)
    assert sum(len(batch.labels) for batch in source.ordered(7)) == available.sum()  # the source is as it was


def test_memory_and_disk_know_the_share_of_new_frames_of_each_segment(tiny_records):
    record_set = RecordSet(tiny_records)
    rows = record_set.utterances
    chosen = [row.id for row in rows if row.speaker in ("s1", "s3")]
    memory, disk = (Feeder(record_set, size).source(chosen) for size in (2**30, 0))
    for order in (lambda source: source.ordered(5), lambda source: source.shuffled(7, np.random.default_rng(0))):
        for source in (memory, disk):
            shares = {}
            for batch in order(source):
                for row, share in zip(batch.utterances, batch.new_shares, strict=True):
                    shares.setdefault(row, set()).add(share)
            expected = {row: set(record_set.manifest.rule.new_shares(rows[row].num_frames)) for row in shares}
            assert shares == expected and len(shares) == len(chosen)
    assert min(map(min, shares.values())) < 1  # some utterance has overlapping segments
    drawn = [source.balanced(4, np.random.default_rng(1)) for source in (memory, disk)]
    one, other = (np.concatenate([batch.new_shares for batch in source.ordered(5)]) for source in drawn)
    assert one.tolist() == other.tolist()


def test_a_balanced_draw_from_disk_keeps_its_normalizer(tiny_records):
    record_set = RecordSet(tiny_records)
    ids = [row.id for row in record_set.utterances]
    memory, disk = (Feeder(record_set, size, speaker_statistics=Choice("speaker")).source(ids) for size in (2**30, 0))
    drawn = [source.balanced(4, np.random.default_rng(1)) for source in (memory, disk)]
    assert drawn[1].normalizer is disk.normalizer
    one, other = (np.concatenate([batch.inputs["features"] for batch in source.ordered(5)]) for source in drawn)
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("kind", [0, 1], ids=["memory", "disk"])
def test_labels_are_known_without_reading_the_records(tiny_records, monkeypatch, kind):
    record_set = RecordSet(tiny_records)
    rows = [n for n, row in enumerate(record_set.utterances) if row.speaker == "s1" or row.emotion == "low"]
    source = (MemorySource(record_set.load(), rows), StreamedSource(record_set, rows[::-1]))[kind]
    for each in (source, source.oversampled(np.random.default_rng(0))):
        read = np.concatenate([batch.labels for batch in each.ordered(7)])
        with monkeypatch.context() as patch:
            patch.setattr(RecordSet, "dataset", None)
            assert each.used_labels.tolist() == read.tolist() and each.used_labels.dtype == np.int32
