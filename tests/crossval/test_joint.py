"""Joint training: another record set adds its utterances of the same emotions to every training part, and to nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.other_corpus import prepare, write_other
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval import Experiment, Prepared, cross_validate
from acrnn.crossval.joint import JointCorpus
from acrnn.errors import FieldError
from acrnn.export.refit import refit
from acrnn.export.trained_model import TrainedModel
from acrnn.export.training_sounds import of_earlier
from acrnn.export.version_folder import card_of
from acrnn.recipes import Recipe
from acrnn.records import RecordSet
from acrnn.reports.html import write_report
from acrnn.training.network import Network
from experiments import run_cv

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Records of another corpus with an emotion that the target does not have."""
    folder = tmp_path_factory.mktemp("joint")
    return prepare(
        write_other(folder / "corpus", {"low": "calm"}), folder / "records", "Licence of the second corpus 1.0"
    )


@pytest.fixture(scope="module")
def experiment(tiny_records, other):
    return Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, joint=other)


@pytest.fixture(scope="module")
def trained(experiment, tmp_path_factory):
    """Folder of a fold, and the sources that it was fitted with."""
    folder, calls, fit = tmp_path_factory.mktemp("out"), [], Network.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Network, "fit", lambda self, *given: calls.append(given) or fit(self, *given))
        cross_validate(experiment, folder, folds=[0], announce=lambda line: None)
    return folder, calls[0]


def test_the_training_part_has_both_corpora_and_the_validation_part_the_first_alone(experiment, trained, other):
    _, (train, validation, *_) = trained
    fold = Prepared.of(experiment).folds[0]
    rows = RecordSet(other).utterances
    names = Prepared.of(experiment).records.manifest.labels
    labels = {row: names[label] for row, label in zip(train.data.utterances, train.data.labels, strict=True)}
    added = sorted(labels.values(), reverse=True)
    assert len(labels) == len(fold.train) + sum(row.emotion != "calm" for row in rows)
    assert (added.count("high"), added.count("low"), added.count("noisy")) == (6 + 6, 6, 6 + 6)
    assert len(np.unique(validation.data.utterances[validation.index])) == len(fold.validation)


def test_segments_of_unequal_weights_and_unknown_speakers_are_refused(experiment, other, monkeypatch):
    with pytest.raises(FieldError, match="joint .*its segments have equal weights; set segment_weights to equal"):
        Prepared.of(replace(experiment, recipe=replace(RECIPE, segment_weights="new-frames")))
    original = RecordSet.__init__

    def without_speakers(self, folder):
        original(self, folder)
        if folder == other:
            self.manifest.corpus["speakers"] = "unknown"

    monkeypatch.setattr(RecordSet, "__init__", without_speakers)
    Prepared.of(experiment)
    with pytest.raises(FieldError, match="does not name its speakers; choose corpus or utterance"):
        Prepared.of(replace(experiment, speaker_statistics=Choice.parse("speaker")))


def test_batches_hold_the_features_and_labels_of_both_records(experiment, other):
    prepared = Prepared.of(experiment)
    feeder = Feeder(prepared.records)
    train = feeder.source(prepared.folds[0].train)
    joined = prepared.joint_corpus().joined(train, Choice())
    seconds = Feeder(RecordSet(other))
    second = seconds.source([row.id for row in seconds.records.utterances if row.emotion == "high"])
    label = prepared.records.manifest.labels.index("high")
    of_both = list(joined.ordered(7))
    features = np.concatenate([batch.inputs["features"] for batch in of_both])
    labels = np.concatenate([batch.labels for batch in of_both])
    for source in (train, second):
        for batch in source.ordered(1):
            place = np.flatnonzero((features == batch.inputs["features"][0]).all(axis=(1, 2, 3)))
            assert len(place) == 1
            assert labels[place[0]] == (batch.labels[0] if source is train else label)
    owners = [set(batch.utterances > 29) for batch in joined.shuffled(16, np.random.default_rng(0))]
    assert {True, False} in owners


def test_both_corpora_are_normalized_by_speaker_where_the_experiment_is(experiment, other):
    choice = Choice("speaker")
    prepared = Prepared.of(replace(experiment, speaker_statistics=choice))
    train = Feeder(prepared.records, speaker_statistics=choice).source(prepared.folds[0].train)
    data = prepared.joint_corpus().joined(train, choice).data
    means = [
        np.mean([f[:count, :, 0].mean() for f, count in zip(data.features[part], data.num_frames[part], strict=True)])
        for part in (slice(0, len(train)), slice(len(train), None))
    ]
    assert np.abs(means).max() < 0.2


def test_settings_report_and_card_name_the_second_corpus_and_what_was_left_out(trained, tiny_records, experiment):
    folder, _ = trained
    joint = Prepared.of(experiment).settings()["joint"]
    assert (joint["labels"], joint["left_out"]) == (["high", "noisy"], {"calm": 6})
    assert "joint" not in Prepared.of(replace(experiment, joint=None)).settings()
    report = write_report(folder).read_text()
    card = card_of(TrainedModel.of_run(folder, 0), "model", None, ())
    for text in (report, card.markdown()):
        assert "Licence of the second corpus 1.0" in text
    assert "calm 6" in report and f"jointly with {joint['corpus']}" in report
    assert type(card).from_dict(card.to_dict()) == card


def test_a_refit_trains_on_both_corpora_as_the_folds_did(trained, tiny_records, other):
    folder, _ = trained
    trained_model = refit(folder, tiny_records, also=other)
    network = trained_model.model
    prepared = Feeder(RecordSet(tiny_records)), Feeder(RecordSet(other))
    frames = []
    for feeder, emotions in zip(prepared, ({"high", "low", "noisy"}, {"high", "noisy"}), strict=True):
        source = feeder.source([row.id for row in feeder.records.utterances if row.emotion in emotions])
        for batch in source.ordered(32):
            features, counts = batch.inputs["features"], batch.inputs["num_frames"]
            frames += [part[:count] for part, count in zip(features, counts, strict=True)]
    values = np.concatenate(frames)[..., 0]
    assert np.array(network.get_layer("normalization").mean)[0, 0] == pytest.approx(values.mean(), abs=1e-4)
    assert trained_model.sounds.count == 30 + 12 and trained_model.sounds.complete
    card = card_of(trained_model, "model", None, ())
    assert of_earlier(card, tiny_records) == trained_model.sounds
    assert not of_earlier(replace(card, sounds=None), tiny_records).complete


def test_the_sounds_of_a_fold_of_joint_training_are_incomplete_on_the_card(trained, tiny_records):
    folder, _ = trained
    card = card_of(TrainedModel.of_run(folder, 0, records=tiny_records), "model", None, ())
    assert card.training_sounds.count == 18 and not card.training_sounds.complete
    assert of_earlier(card, tiny_records) == card.training_sounds


def test_a_refit_needs_the_other_records_of_the_experiment(trained, tiny_records):
    folder, _ = trained
    with pytest.raises(FieldError, match="so it needs that record set as well"):
        refit(folder, tiny_records)
    with pytest.raises(FieldError, match="not the other record set of"):
        refit(folder, tiny_records, also=tiny_records)


def test_an_overlapping_or_useless_second_corpus_is_refused(experiment, tiny_corpus, tiny_records, tmp_path):
    corpus = write_other(tmp_path / "corpus")
    samples, rate = soundfile.read(tiny_corpus / "s3_noisy_1.wav")
    soundfile.write(corpus / "s0_high_0.wav", 0.5 * samples, rate)
    with pytest.raises(ValueError, match=r"joint training on .*: s0_high_0\.wav and 0 other recordings are also in"):
        Prepared.of(replace(experiment, joint=prepare(corpus, tmp_path / "records")))
    with pytest.raises(ValueError, match="it has none of the emotions joy, anger"):
        JointCorpus(tiny_records, ("joy", "anger"))
    with pytest.raises(FieldError, match="joint training has sound only"):
        Prepared.of(replace(experiment, model="peng2021-bimodal", options={}))
    with pytest.raises(FieldError, match="a deliberate leak is measured on one corpus"):
        Prepared.of(replace(experiment, mistake="test-selected-epoch"))


def test_the_command_names_its_option(tiny_records, tmp_path, capsys):
    command = ["--dataset", "manifest", "--records", str(tiny_records), "--output-dir", str(tmp_path), "--no-models"]
    assert run_cv.main([*command, "--also", str(tiny_records)]) == 1
    assert "also in" in capsys.readouterr().err
    assert run_cv.main([*command, "--model", "peng2021-text", "--also", str(tiny_records)]) == 2
    assert "--also" in capsys.readouterr().err
