"""The scale script: sparse tables of any size, whose steps are measured and projected."""

import csv
import re

import pytest

from acrnn.records.record_set import RecordSet
from data_prep.corpora import CORPORA, read_corpus
from experiments import scale


@pytest.fixture(scope="module")
def utterances(tiny_corpus):
    return read_corpus(CORPORA["manifest"], tiny_corpus).utterances


def test_a_sparse_table_has_different_parts_of_the_recordings_inside_their_ends(utterances, tmp_path):
    scale.write_sparse_table(tmp_path / "table.csv", utterances, 95)
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len({(row["path"], row["start"]) for row in rows}) == len({row["id"] for row in rows}) == 95
    speakers = {str(each.path.absolute()): (each.speaker, each.emotion) for each in utterances}
    assert all(speakers[row["path"]] == (row["speaker"], row["label"]) for row in rows)
    selection = read_corpus(CORPORA["manifest"], tmp_path / "table.csv")
    ends = {each.path: scale.audio.duration_seconds(each.path) for each in utterances}
    assert all(each.end_seconds <= ends[each.path] + 1e-6 for each in selection.utterances)


def test_the_steps_of_a_table_and_of_a_preparation_are_measured(utterances, tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "STEPS", 2)
    seen = []
    monkeypatch.setattr(scale, "waiting", lambda *given: seen.append((given[0], len(given[1]))) or (2, 0.25))
    scale.write_sparse_table(tmp_path / "table.csv", utterances, 60)
    tables = {60: scale.table_steps(tmp_path / "table.csv")}
    prepared = {60: scale.preparation_steps(tmp_path / "table.csv", 1)}
    assert seen[0][1] == 60 and isinstance(seen[0][0], RecordSet)
    assert not (tmp_path / "table.records").exists()  # gigabytes do not stay
    text = scale.page("30 recordings", tables, prepared, 1)
    assert len(re.findall(r"^\| 60 \| ", text, re.MULTILINE)) == len(tables[60]) + len(prepared[60]) == 12
    assert "| 60 | plan the shards |" in text and "5 files, 12 utterances in the largest" in text
    assert "2 batches of 40" in text and "25.0 % of the time waited" in text
    megabytes = 60 * 300 * 40 * 3 * 4 / 1e6
    projected = re.search(r"1,000,000 of one segment each take [\d.]+ hours, (\d+) GB and (\d+) files of 200 MB", text)
    assert int(projected[1]) == pytest.approx(megabytes / 60 * 1000, rel=0.1)
    assert int(projected[2]) == pytest.approx(int(projected[1]) * 5, rel=0.01)


def test_a_short_training_waits_for_a_part_of_its_time(tiny_records, monkeypatch):
    monkeypatch.setattr(scale, "STEPS", 2)
    records = RecordSet(tiny_records)
    source = scale.Feeder(records, memory_bytes=0).source([row.id for row in records.utterances])
    steps, share = scale.waiting(records, source)
    assert 0 < share < 1 and steps == 1  # the records have fewer segments than two batches
