"""Speakers whose records fill several files: the files have a limited size, and nothing else differs from one file each."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import tiny_sound, write_tiny_corpus

from acrnn.batches.sources import Feeder, StreamedSource
from acrnn.records import RecordSet, shard_name
from acrnn.records.manifest import LONGEST_SPEAKER
from data_prep.__main__ import main
from data_prep.shard_plans import SHARD_BYTES

LIMIT = "0.3"  # MB: two segments of 144 kB each


def prepare(corpus, out, *options):
    return main(["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1", *options])


def shards(folder):
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in sorted(folder.glob("*.tfrecord"))}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return write_tiny_corpus(tmp_path_factory.mktemp("corpus") / "corpus", speakers=3)


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records") / "whole"
    assert prepare(corpus, out) == 0
    return out


@pytest.fixture(scope="module")
def divided(corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("records") / "divided"
    assert prepare(corpus, out, "--shard-size", LIMIT) == 0
    return out


def test_no_file_exceeds_the_limit_and_the_segments_are_those_of_one_file_per_speaker(whole, divided, capsys):
    sizes = [path.stat().st_size for path in divided.glob("*.tfrecord")]
    assert len(sizes) == 12 and max(sizes) <= 300_000 < 2 * min(sizes) + 300_000 / 2
    assert len(list(whole.glob("*.tfrecord"))) == 3
    assert (divided / "utterances.csv").read_bytes() == (whole / "utterances.csv").read_bytes()
    one, other = RecordSet(whole).load(), RecordSet(divided).load()
    for name in ("features", "num_frames", "labels", "utterances"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert main(["check", str(divided)]) == 0
    assert "18 utterances, 21 segments, 3 speakers in 12 files, every checksum" in capsys.readouterr().out


def test_an_epoch_streamed_from_several_files_per_speaker_has_every_segment(divided):
    record_set = RecordSet(divided)
    chosen = [number for number, row in enumerate(record_set.utterances) if row.speaker in ("s0", "s2")]
    source = StreamedSource(record_set, chosen)
    batches = list(source.shuffled(7, np.random.default_rng(0)))
    drawn = [features.tobytes() for batch in batches for features in batch.inputs["features"]]
    assert len(drawn) == len(set(drawn)) == 14
    memory = Feeder(record_set).source([record_set.utterances[row].id for row in chosen])
    assert set(drawn) == {features.tobytes() for batch in memory.ordered(7) for features in batch.inputs["features"]}


def test_only_the_files_with_the_chosen_utterances_are_read(divided, tmp_path):
    copy = shutil.copytree(divided, tmp_path / "copy")
    (copy / shard_name("s1", 2)).write_bytes(b"no records at all")
    record_set = RecordSet(copy)
    names = [row.id for row in record_set.utterances]
    readable = [number for number, row in enumerate(record_set.utterances) if row.speaker != "s1"]
    begin = names.index("s1_high_0")  # the files hold: high 0 and 1, low 0, the two segments of low 1, noisy 0 and 1
    others = [begin, begin + 1, begin + 2, begin + 4, begin + 5]
    assert len(record_set.load([*readable, *others])) == 14 + 5
    with pytest.raises(ValueError, match=r"speaker-s1\+2.tfrecord: damaged"):
        record_set.load([begin + 3])


def test_finished_files_stay_when_a_recording_of_the_same_speaker_fails(corpus, divided, tmp_path, capsys):
    changed = shutil.copytree(corpus, tmp_path / "corpus")
    (changed / "s1_noisy_1.wav").write_bytes(b"")
    assert prepare(changed, tmp_path / "out", "--shard-size", LIMIT) == 1
    before = shards(tmp_path / "out")
    assert len(before) == 11 and shard_name("s1", 3) not in before
    shutil.copy(corpus / "s1_noisy_1.wav", changed)
    assert prepare(changed, tmp_path / "out", "--shard-size", LIMIT) == 0
    after = shards(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    assert [content for _, content in after.values()] == [content for _, content in shards(divided).values()]


def test_a_repeated_recording_changes_only_the_file_that_it_lies_in(tmp_path):
    corpus = write_tiny_corpus(tmp_path / "corpus", speakers=2)
    shutil.copy(corpus / "s1_noisy_0.wav", corpus / "s1_noisy_1.wav")
    assert prepare(corpus, tmp_path / "out", "--shard-size", LIMIT) == 1
    before = shards(tmp_path / "out")
    assert prepare(corpus, tmp_path / "out", "--shard-size", LIMIT, "--skip-bad") == 0
    after = shards(tmp_path / "out")
    assert [name for name in before if after[name] != before[name]] == [shard_name("s1", 3)]
    assert [item["id"] for item in RecordSet(tmp_path / "out").manifest.skipped] == ["s1_noisy_1"]


def test_finished_records_of_another_size_are_used_as_they_are(corpus, whole, divided, capsys):
    before = shards(whole), shards(divided)
    assert prepare(corpus, divided) == prepare(corpus, whole, "--shard-size", LIMIT) == 0
    assert (shards(whole), shards(divided)) == before
    assert "shard_bytes" not in json.loads((whole / "manifest.json").read_text())  # as before there was a limit
    assert prepare(corpus, divided, "--dtype", "float16") == 1
    assert "holds finished records of other recordings or settings" in capsys.readouterr().err


def test_files_of_an_earlier_call_with_another_size_do_not_stay(corpus, tmp_path):
    changed = shutil.copytree(corpus, tmp_path / "corpus")
    (changed / "s2_noisy_1.wav").write_bytes(b"")
    assert prepare(changed, tmp_path / "out", "--shard-size", LIMIT) == 1
    assert prepare(changed, tmp_path / "out", "--skip-bad") == 0
    assert sorted(shards(tmp_path / "out")) == [shard_name(f"s{speaker}") for speaker in range(3)]


def test_a_corpus_without_speakers_fills_several_files_and_keeps_its_split(tmp_path):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    lines = ["path,label,split"]
    for number, part in enumerate(("train", "train", "dev", "test")):
        for emotion in ("high", "low"):
            soundfile.write(corpus / f"{emotion}_{number}.wav", tiny_sound(emotion, 0.6, number), 16000)
            lines.append(f"{emotion}_{number}.wav,{emotion},{part}")
    (corpus / "manifest.csv").write_text("\n".join(lines))
    assert prepare(corpus, tmp_path / "out", "--shard-size", LIMIT) == 0
    record_set = RecordSet(tmp_path / "out")
    assert len(record_set.manifest.shards) == 4 and record_set.manifest.num_speakers == 1
    assert [row.split for row in record_set.utterances] == ["train", "train", "validation", "test"] * 2


def test_an_utterance_larger_than_the_limit_has_a_file_of_its_own(tmp_path, corpus):
    assert prepare(corpus, tmp_path / "out", "--shard-size", "0.2", "--speeds", "0.9,1.0") == 0
    record_set = RecordSet(tmp_path / "out")
    assert len(record_set.manifest.shards) == 18 and record_set.check() == []


@pytest.mark.parametrize("size", ["0", "-1", "large", "nan", "inf"])
def test_a_size_that_is_none_is_refused(corpus, tmp_path, capsys, size):
    with pytest.raises(SystemExit) as exit:
        prepare(corpus, tmp_path / "out", f"--shard-size={size}")
    assert exit.value.code == 2 and "is not a size in megabytes such as 200" in capsys.readouterr().err


def test_names_of_files_are_different_for_any_speakers_and_fit_a_disk():
    assert len({shard_name("a", 1), shard_name("a+1"), shard_name("a"), shard_name("a", 11)}) == 4
    assert len(f".partial-000000.9999999-{shard_name('x' * LONGEST_SPEAKER, 99_999)}.json") <= 255
    assert SHARD_BYTES == 200e6
