"""Mistakes of the leakage audit: each leaks in one way, and its results carry its name."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.crossval import Experiment, Prepared, cross_validate, leakage
from acrnn.crossval.leakage import MISTAKES
from acrnn.errors import UsageError
from acrnn.folds import make_folds
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.records import UtteranceRow
from experiments import audit_leakage

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)
EMOTIONS = ("anger", "neutral", "sadness")


def rows(takes=(1, 3, 6)):
    """Ten speakers; so many takes of each emotion."""
    return [
        UtteranceRow(
            f"s{speaker}_{label}_{take}", f"s{speaker}", "", EMOTIONS[label], label, 200, 1, 2.0, 16000, "", ""
        )
        for speaker in range(10)
        for label, count in enumerate(takes)
        for take in range(count)
    ]


def folds_with(name, utterances):
    mistake = MISTAKES[name]
    honest = make_folds(
        mistake.protocol or "leave-one-speaker-out", leakage.mistaken_speakers(mistake, utterances), EMOTIONS
    )
    return honest, [leakage.leaking_fold(mistake, fold, utterances) for fold in honest]


def test_copies_before_the_split_leak_test_utterances_of_the_rarer_classes_only():
    honest, leaking = folds_with("oversampled-before-split", rows())
    leaked = [set(fold.train) & set(fold.test) for fold in leaking]
    tested = [utterance for fold in honest for utterance in fold.test]
    share = [
        np.mean([any(utterance in part for part in leaked) for utterance in tested if f"_{label}_" in utterance])
        for label in range(3)
    ]
    assert share[0] > 0.9  # five copies of each on average
    assert 0.35 < share[1] < 0.8  # one copy on average
    assert share[2] == 0
    assert all(
        set(fold.train) <= set(before.train) | set(before.test) for fold, before in zip(leaking, honest, strict=True)
    )


def test_the_test_part_chooses_the_epoch_where_that_is_the_mistake():
    honest, leaking = folds_with("test-selected-epoch", rows())
    for before, after in zip(honest, leaking, strict=True):
        assert after.validation == after.test == before.test
        assert after.train == before.train


def test_dialog_prefixes_put_both_talkers_of_a_dialog_into_one_speaker():
    talkers = [
        UtteranceRow(
            f"Ses0{s}{dialog}_impro01_{turn}000", f"Ses0{s}{turn}", f"{s}", "anger", 0, 200, 1, 2.0, 16000, "", ""
        )
        for s in range(1, 6)
        for dialog in "FM"
        for turn in "FM"
    ]
    mistaken = leakage.mistaken_speakers(MISTAKES["dialog-prefix-speakers"], talkers)
    assert [row.speaker for row in mistaken[:4]] == ["Ses01F", "Ses01F", "Ses01M", "Ses01M"]
    assert [row.speaker for row in talkers[:4]] == ["Ses01F", "Ses01M", "Ses01F", "Ses01M"]


def test_a_mistake_of_another_corpus_or_name_is_refused():
    with pytest.raises(UsageError, match="possible with iemocap only"):
        leakage.mistake("dialog-prefix-speakers", "emodb")
    with pytest.raises(UsageError, match="'cheating' is unknown"):
        leakage.mistake("cheating", "emodb")


@pytest.fixture(scope="module")
def experiment(tiny_records):
    return Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, save_models=False)


def test_results_of_a_mistake_carry_its_name_and_never_mix_with_honest_ones(experiment, tmp_path):
    mistaken = replace(experiment, mistake="test-selected-epoch")
    results = cross_validate(mistaken, tmp_path, folds=[0], announce=lambda line: None)
    assert results.settings.mistake == "test-selected-epoch"
    with pytest.raises(ValueError, match="holds another experiment"):
        cross_validate(experiment, tmp_path, folds=[0], announce=lambda line: None)
    assert "mistake" not in Prepared.of(experiment).settings()


def test_the_best_test_epoch_is_never_worse_on_the_test_part_than_any_other(experiment, tmp_path):
    results = cross_validate(replace(experiment, mistake="test-selected-epoch"), tmp_path, announce=lambda line: None)
    for run in results.runs:
        right = run.predictions == np.array(run.labels)
        recalls = [right[np.array(run.labels) == label].mean() for label in sorted(set(run.labels))]
        assert np.mean(recalls) == pytest.approx(max(epoch.validation_uar for epoch in run.curve))


@pytest.mark.parametrize("mistake", [None, "normalised-on-everything"])
def test_normalization_uses_the_training_part_unless_that_is_the_mistake(experiment, mistake, monkeypatch, tmp_path):
    means = {}
    fit = type(MODELS["chen2018-3d"].estimator(Prepared.of(experiment).config, RECIPE)).fit

    def spied(self, *arguments, **options):
        result = fit(self, *arguments, **options)
        means["fitted"] = np.array(self.model.get_layer("normalization").mean)[0]
        return result

    monkeypatch.setattr("acrnn.training.network.Network.fit", spied)
    chosen = replace(experiment, mistake=mistake)
    cross_validate(chosen, tmp_path, folds=[0], announce=lambda line: None)
    prepared = Prepared.of(chosen)
    data = Feeder(prepared.records).data
    ids = [row.id for row in prepared.records.utterances] if mistake else prepared.folds[0].train
    wanted = {number for number, row in enumerate(prepared.records.utterances) if row.id in set(ids)}
    real = [data.features[i][: data.num_frames[i]] for i in range(len(data.labels)) if data.utterances[i] in wanted]
    np.testing.assert_allclose(means["fitted"], np.concatenate(real).mean(axis=(0, 1)), rtol=1e-4, atol=1e-5)


def test_the_audit_compares_every_mistake_with_the_honest_protocol(tiny_corpus, tmp_path, capsys):
    command = ["--dataset", "manifest", "--data-dir", str(tiny_corpus), "--output-dir", str(tmp_path / "out")]
    command += ["--records", str(tmp_path / "records"), "--model", "chen2018-3d", "--epochs", "1", "--batch-size", "8"]
    command += [
        "--no-models",
        "--reduced",
        "--folds",
        "0-2",
        "--mistakes",
        "test-selected-epoch,normalised-on-everything",
    ]
    assert audit_leakage.main(command) == 0
    text = (tmp_path / "out" / "leakage.md").read_text()
    assert text in capsys.readouterr().out
    assert [line.split("**")[1] for line in text.splitlines() if "**" in line] == [
        "honest",
        "test-selected-epoch",
        "normalised-on-everything",
    ]
    assert "3 of 5 folds × 1 seed" in text and "p = " in text and "corrected for 2 comparisons (Holm)" in text
    assert (tmp_path / "out" / "leakage.png").stat().st_size > 5000
    for name in ("honest", "test-selected-epoch"):
        assert json.loads((tmp_path / "out" / name / "results.json").read_text())["overall"]["coverage"]["runs"] == 3
    assert audit_leakage.main([*command[:-1], "no-such"]) == 2
