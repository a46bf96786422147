"""Results files: every committed one is read, writing gives the same content again, and reading changes nothing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.results import contents, results_of, run_of
from support.tiny_corpus import TINY_NETWORK

from acrnn import files, metrics
from acrnn.baselines import BASELINES
from acrnn.crossval import Experiment, Results, collect_results, cross_validate, read_results, write_results
from acrnn.crossval.run import read_run
from acrnn.crossval.settings import Settings, network_fields_of
from acrnn.export.refit import refit
from acrnn.export.version_folder import estimate_of
from acrnn.models import MODELS
from acrnn.recipes import Recipe

COMMITTED = Path(__file__).parents[2] / "experiments" / "results"
FOLDERS = sorted(path.parent for path in COMMITTED.rglob("results.json") if "cross_corpus" not in path.parts)
INTERVALS = ("uar_fold_mean_interval", "uar_pooled_interval")
WITH_RUNS = [folder for folder in FOLDERS if (folder / "runs").exists()]


def test_there_are_committed_results():
    assert len(FOLDERS) >= 39 and len(WITH_RUNS) >= 38


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(COMMITTED)))
def test_committed_results_are_read_and_written_with_the_same_content_but_for_the_intervals(folder):
    content = json.loads((folder / "results.json").read_text())
    del content["sha256"]
    results = read_results(folder)
    written = results.to_dict()
    for values in (written, content):  # stored by another method, and computed again
        for name in INTERVALS:
            del values["overall"][name]
    assert written == content
    settings = results.settings
    if settings.fusion:
        assert settings.num_models == sum(len(each.get("seeds", [0])) for each in settings.fusion["members"]) >= 2
    elif settings.baseline:
        assert settings.model in BASELINES and settings.frontend_fields["sample_rate_hz"] == 16000
    else:
        assert settings.config.num_classes == len(settings.labels) and settings.recipe.epochs > 0
        assert settings.frontend.sample_rate_hz == 16000 and settings.rule.frames == settings.config.frames
        assert settings.system is MODELS[settings.model]
    experiment = json.loads((folder / "experiment.json").read_text())
    assert files.sha256_of_json(settings.to_dict()) == files.sha256_of_json(experiment["settings"])


def test_intervals_are_computed_from_the_runs_when_results_are_read():
    overall = read_results(COMMITTED / "emodb_tuned/3d_conv1").overall
    uars = [row.uar for row in overall.per_speaker]
    assert overall.uar_fold_mean_interval == pytest.approx(metrics.mean_interval(uars))
    low, high = overall.uar_pooled_interval
    stored = json.loads((COMMITTED / "emodb_tuned/3d_conv1/results.json").read_text())["overall"]["uar_pooled_interval"]
    assert low < stored[0] < stored[1] < high  # the bootstrap's is too narrow
    two_folds = read_results(COMMITTED / "emodb_zhang2021_full").overall
    assert two_folds.uar_fold_mean_interval is None and two_folds.uar_pooled_interval is None


@pytest.mark.parametrize("folder", WITH_RUNS, ids=lambda folder: str(folder.relative_to(COMMITTED)))
def test_the_runs_of_committed_results_are_read_and_give_the_committed_summary(folder):
    committed, collected = read_results(folder), collect_results(folder)
    assert collected.overall.uar_fold_mean == pytest.approx(committed.overall.uar_fold_mean)
    assert collected.overall.confusion == committed.overall.confusion
    assert [run.probabilities for run in collected.runs] == [run.probabilities for run in committed.runs]


def test_fields_that_earlier_versions_did_not_write_are_left_out_again():
    run = json.loads((COMMITTED / "emodb_tuned/3d_conv1/runs/fold00_seed0.json").read_text())
    del run["sha256"]
    read = read_run(COMMITTED / "emodb_tuned/3d_conv1/runs/fold00_seed0.json")
    assert read.by_pooling is None and read.peak_memory_mib is None and read.to_dict() == run


def test_a_later_field_of_a_network_is_written_only_where_it_is_not_the_default():
    committed = read_results(COMMITTED / "emodb_chen2018/dnn-elm").settings
    assert network_fields_of(committed.config) == committed.network_fields
    centered = replace(committed.config, centered=True)
    assert network_fields_of(centered) == {**committed.network_fields, "centered": True}
    assert network_fields_of(centered) != network_fields_of(committed.config)


def test_settings_name_an_unknown_field_and_a_missing_one():
    values = results_of([run_of()]).settings.to_dict()
    with pytest.raises(ValueError, match="unknown fields color"):
        Settings.from_dict({**values, "color": "red"})
    with pytest.raises(ValueError, match="missing or unknown .*protocol"):
        Settings.from_dict({key: value for key, value in values.items() if key != "protocol"})


def test_optional_settings_keep_their_keys_in_the_file():
    optional = {
        "mistake": "random-split",
        "speeds": [0.9, 1.0],
        "start": {"kind": "random"},
        "companions": {"texts": {"origin": "corpus"}},
    }
    settings = results_of([run_of()], **optional).settings
    assert settings.speeds == (0.9, 1.0) and settings.initial_weights_kind == "random"
    assert {key: settings.to_dict()[key] for key in optional} == optional
    assert not optional.keys() & results_of([run_of()]).settings.to_dict().keys()


def test_results_are_the_same_after_writing_and_reading(tmp_path):
    results = results_of([run_of(), run_of(fold=1, fold_name="speaker b", probabilities=[[1, 0], [1, 0]])])
    files.write_sealed_json(tmp_path / "results.json", results.to_dict())
    again = read_results(tmp_path)
    assert again == results and again.overall.uar_fold_mean == pytest.approx(0.75)
    assert isinstance(again, Results) and hash(again.overall.coverage) == hash(results.overall.coverage)


@pytest.fixture(scope="module")
def finished(tiny_records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(experiment, folder, folds=[0, 1], announce=lambda line: None)
    return folder


@pytest.mark.parametrize("job", ["collect", "estimate", "refit"])
def test_reading_changes_no_byte_and_no_time_in_the_folder(job, finished, tiny_records):
    before = contents(finished)
    if job == "collect":
        collect_results(finished)
    elif job == "estimate":
        assert estimate_of(finished)["coverage"] == {"folds": 2, "seeds": 1, "runs": 2, "planned": 5}
    else:
        refit(finished, tiny_records)
    assert contents(finished) == before


def test_results_are_collected_where_the_file_is_missing_and_written_when_asked(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    (folder / "results.json").unlink()
    collected = collect_results(folder)
    assert not (folder / "results.json").exists()
    assert write_results(folder) == collected == read_results(folder)
