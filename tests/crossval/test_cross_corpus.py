"""Cross-corpus tests: trained on all of one corpus, tested on the shared emotions of another, and on nothing else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import TINY_EMOTIONS, TINY_NETWORK, tiny_sound

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import Choice, SpeakerStatistics, Statistics
from acrnn.crossval.cross_corpus import CrossCorpus, read_cross_corpus, restricted, run_cross_corpus
from acrnn.crossval.summary import speaker_confusions
from acrnn.errors import FieldError
from acrnn.metrics import uar
from acrnn.recipes import CENTERED, Recipe
from acrnn.records import RecordSet
from acrnn.records.disjoint import check_pair
from data_prep.__main__ import main as data_prep_main
from experiments import cross_corpus

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=4, epoch_choice="last")


def write_records(folder, emotions, speaker="t", first_seed=100):
    """A record set of three speakers with two utterances of every emotion; an unknown emotion sounds like "noisy"."""
    folder.mkdir()
    lines = ["path,label,speaker"]
    for number in range(3):
        for emotion in emotions:
            for take in range(2):
                name = f"{speaker}{number}_{emotion}_{take}.wav"
                sound = tiny_sound(
                    emotion if emotion in TINY_EMOTIONS else "noisy", 0.8, first_seed + 10 * number + take
                )
                soundfile.write(folder / name, sound, 16000)
                lines.append(f"{name},{emotion},{speaker}{number}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    arguments = ["manifest", "--data-dir", str(folder), "--out", str(folder / "records"), "--jobs", "1"]
    assert data_prep_main(arguments) == 0
    return RecordSet(folder / "records")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Records of another corpus: "calm" is not among the emotions of the tiny corpus, "noisy" not among its own."""
    return write_records(tmp_path_factory.mktemp("other") / "corpus", ["low", "calm", "high"])


def declared(tiny_records, other, **fields):
    values = {"model": "chen2018-3d", "recipe": RECIPE, "options": TINY_NETWORK, **fields}
    return CrossCorpus(RecordSet(tiny_records), other, **values)


@pytest.fixture(scope="module")
def finished(tiny_records, other, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cross")
    return folder, run_cross_corpus(declared(tiny_records, other), folder)


def test_posteriors_are_restricted_to_some_emotions_in_their_order():
    posteriors = np.array([[0.5, 0.2, 0.3], [1.0, 0.0, 0.0]])
    kept = restricted(posteriors, ("a", "b", "c"), ("c", "b"))
    np.testing.assert_allclose(kept, [[0.6, 0.4], [0.5, 0.5]], atol=1e-9)


def test_all_speakers_train_and_the_shared_emotions_of_the_other_corpus_are_tested(finished, other, tiny_records):
    _, results = finished
    (run,) = results.runs
    assert results.settings["labels"] == ["high", "low"]
    assert run.train_speakers == ["s0", "s1", "s2", "s3", "s4"] and run.test_speakers == ["t0", "t1", "t2"]
    emotion = {row.id: row.emotion for row in other.utterances}
    assert sorted(run.utterances) == sorted(name for name, each in emotion.items() if each != "calm")
    assert [results.settings["labels"][label] for label in run.labels] == [emotion[name] for name in run.utterances]
    assert [len(row) for row in run.probabilities] == [2] * 12


def test_the_uar_is_that_of_the_other_corpus_with_an_interval_over_its_speakers(finished):
    _, results = finished
    assert results.overall.uar_pooled > 0.9  # the tones of both corpora have the same pitch
    low, high = results.overall.uar_pooled_interval
    assert low <= results.overall.uar_pooled <= high
    counts = sum(speaker_confusions(results.runs, 2).values())
    assert results.overall.uar_pooled == pytest.approx(uar(counts))


def test_a_finished_test_is_read_and_another_one_refused(finished, tiny_records, other):
    folder, results = finished
    before = (folder / "runs" / "fold00_seed0.json").stat().st_mtime_ns
    again = run_cross_corpus(declared(tiny_records, other), folder)
    assert again.overall == results.overall
    assert (folder / "runs" / "fold00_seed0.json").stat().st_mtime_ns == before
    assert json.loads((folder / "results.json").read_text())["format"] == "acrnn-cross-corpus"
    with pytest.raises(ValueError, match="holds another experiment.*epochs"):
        run_cross_corpus(declared(tiny_records, other, recipe=replace(RECIPE, epochs=5)), folder)


def test_training_does_not_depend_on_the_other_corpus(finished, tiny_records, tmp_path):
    changed = write_records(tmp_path / "corpus", ["high", "noisy", "low"], first_seed=300)
    results = run_cross_corpus(declared(tiny_records, changed), tmp_path / "out")
    losses = [[epoch.loss for epoch in each.runs[0].curve] for each in (results, finished[1])]
    assert losses[0] == losses[1]


def test_utterances_of_an_enrolment_are_not_scored(tiny_records, other, tmp_path):
    test = declared(
        tiny_records, other, speaker_statistics=Choice.parse("enrolment:1"), recipe=replace(RECIPE, epochs=1)
    )
    (run,) = run_cross_corpus(test, tmp_path).runs
    enrolled = {"t0_calm_0", "t1_high_0", "t2_high_1"}  # of any emotion, since labels are not known
    assert enrolled.isdisjoint(run.utterances) and len(run.utterances) == len(run.probabilities) == 10
    assert {speaker: run.speakers.count(speaker) for speaker in run.speakers} == {"t0": 4, "t1": 3, "t2": 3}


def test_an_enrolment_that_leaves_nothing_to_score_is_refused_before_training(tiny_records, other):
    declared(tiny_records, other, speaker_statistics=Choice.parse("enrolment:3"))
    with pytest.raises(FieldError, match=r"enrolment:4: speaker t2 of .* has no other utterance of a shared emotion"):
        declared(tiny_records, other, speaker_statistics=Choice.parse("enrolment:4"))
    with pytest.raises(FieldError, match=r"enrolment:6: speaker t\d has 6 test utterances, and none would be left"):
        declared(tiny_records, other, speaker_statistics=Choice.parse("enrolment:6"))


def test_all_recordings_of_a_test_speaker_normalize_the_features_whatever_their_emotion(
    tiny_records, other, tmp_path, monkeypatch
):
    used, original = [], SpeakerStatistics.of_new_speakers

    def recorded(self, names, prior):
        used.append((sorted(names), sum(part.count for part in self.moments.values())))
        return original(self, names, prior)

    monkeypatch.setattr(SpeakerStatistics, "of_new_speakers", recorded)
    test = declared(tiny_records, other, speaker_statistics=Choice.parse("speaker"), recipe=replace(RECIPE, epochs=1))
    (run,) = run_cross_corpus(test, tmp_path).runs
    frames = sum(row.num_frames for row in other.utterances)
    assert used == [(sorted(row.id for row in other.utterances), frames)] and len(run.utterances) == 12


def test_speakers_that_are_not_named_have_no_statistics(tiny_records, other, monkeypatch):
    monkeypatch.setitem(other.manifest.corpus, "speakers", "unknown")
    with pytest.raises(FieldError, match="speaker_statistics speaker: .*records does not name its speakers"):
        declared(tiny_records, other, speaker_statistics=Choice.parse("speaker"))


def test_a_new_speaker_without_enrolment_is_normalized_like_the_training_speakers(other):
    ids = [row.id for row in other.utterances]
    statistics = Feeder(other, speaker_statistics=Choice.parse("enrolment:0")).statistics
    bands = other.manifest.segment_shape[1:]
    prior = Statistics(np.full(bands, 3.0), np.full(bands, 2.0), 100)
    normalizer, scored = statistics.of_new_speakers(ids, prior)
    assert scored == ids
    assert (normalizer.offsets[normalizer.groups][..., 0] == 3).all() and (
        normalizer.scales[normalizer.groups] == 0.5
    ).all()


def test_record_sets_that_do_not_fit_are_refused(tiny_records, other, tmp_path):
    tiny = RecordSet(tiny_records)
    with pytest.raises(FieldError, match="shares 1, two are needed"):
        check_pair(tiny, write_records(tmp_path / "few", ["high", "calm"]))
    with pytest.raises(FieldError, match=r"s0_\w+.wav and \d+ other recordings are also in .*decoded samples"):
        check_pair(tiny, write_records(tmp_path / "copies", list(TINY_EMOTIONS), speaker="u", first_seed=0))
    with pytest.raises(FieldError, match=r"it has speakers of .*\(s0, s1, s2\); name another corpus"):
        check_pair(tiny, write_records(tmp_path / "speakers", list(TINY_EMOTIONS), speaker="s"))
    with pytest.raises(FieldError, match="epoch_choice best: all speakers train"):
        declared(tiny_records, other, recipe=replace(RECIPE, epoch_choice="best"))


def test_the_script_tests_both_directions_and_writes_one_page(tiny_records, other, tmp_path, capsys):
    network = [part for name, value in TINY_NETWORK.items() for part in ("--network", f"{name}={value}")]
    arguments = ["--train", str(tiny_records), "--test", str(other.folder), "--epochs", "1", "--warmup-epochs", "0"]
    arguments += ["--network", "centered=false"]
    assert cross_corpus.main([*arguments, *network, "--output-dir", str(tmp_path)]) == 0
    page = (tmp_path / cross_corpus.FILE).read_text(encoding="utf-8")
    assert capsys.readouterr().out.rstrip().endswith(page.rstrip())
    assert "| corpus-1, 5 speakers | corpus-2, 3 speakers, 12 utterances |" in page
    assert (tmp_path / cross_corpus.FIGURE).read_bytes().startswith(b"\x89PNG") and cross_corpus.FIGURE in page
    assert page.splitlines()[2].startswith("chen2018-3d, centered=false, recipe changed")
    more = ["--speaker-statistics", "utterance", "--one-way", "--output-dir", str(tmp_path)]
    assert cross_corpus.main([*arguments, *network, *more]) == 0
    rows = [
        line
        for line in (tmp_path / cross_corpus.FILE).read_text().splitlines()
        if "| corpus-" in line and "utterances" in line
    ]
    assert [row.split(" | ")[2] for row in rows] == ["utterance statistics", "corpus statistics", "corpus statistics"]
    assert "| corpus-2, 3 speakers | corpus-1, 5 speakers, 20 utterances |" in page


def test_fields_that_were_added_later_do_not_change_the_settings_of_a_test(tiny_records, tmp_path):
    other = write_records(tmp_path / "other", ("high", "noisy"))
    declared = CrossCorpus(RecordSet(tiny_records), other, "chen2018-3d", CENTERED)
    committed = Path(cross_corpus.__file__).parent / "results/cross_corpus/emodb_to_ravdess/corpus/experiment.json"
    theirs, ours = json.loads(committed.read_text())["settings"], declared.settings()
    assert ours["recipe"] == {**theirs["recipe"], "precision": CENTERED.precision}
    assert ours["network"].keys() == theirs["network"].keys()


def test_the_page_names_the_reduced_network():
    folder = Path(cross_corpus.__file__).parent / "results/cross_corpus/emodb_to_ravdess/corpus"
    results = {("emodb", "ravdess", "corpus"): read_cross_corpus(folder)}
    assert "chen2018-3d, reduced network, recipe centered, 20 epochs" in cross_corpus.page(results)
