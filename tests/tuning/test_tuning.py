"""The search with KerasTuner: inside the training parts, resumable fit by fit, in one process or in several."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.long_tests import long_test
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.crossval import Experiment, read_results
from acrnn.errors import UsageError
from acrnn.folds import make_folds
from acrnn.recipes import TUNED, Recipe
from acrnn.records import RecordSet
from acrnn.tuning import report, runner, tuner
from acrnn.tuning.results import FitResult, SearchCoverage, read_tuning
from acrnn.tuning.search import Search, SearchFolder
from experiments import arguments, from_options, run_cv, tune_depth

COMMITTED = Path(__file__).parents[2] / "experiments" / "results" / "tuning_emodb_chen2018-3d"
RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)


def quiet(line):
    pass


@pytest.fixture(scope="module")
def search(tiny_records):
    experiment = Experiment(tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK)
    return Search(experiment, depths=(1, 2), folds=(0, 1))


@pytest.fixture(scope="module")
def asked():
    """The utterances that each source of the search in `finished` was asked for."""
    return []


@pytest.fixture(scope="module")
def finished(search, asked, tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    original = Feeder.source
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Feeder, "source", lambda self, ids: asked.append(set(ids)) or original(self, ids))
        runner.tune(search, folder, announce=quiet)
    return folder


def fits_of(folder):
    return {path.name: json.loads(path.read_text()) for path in sorted((folder / "fits").glob("*.json"))}


def times_of(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "fits").glob("*.json")}


def test_a_grid_search_tries_every_depth_and_keeps_the_best_by_validation_uar(finished):
    results = read_tuning(finished)
    assert results.is_complete and results.coverage.trials == results.coverage.planned == 2
    assert [row.hyperparameters for row in results.trials] == [{"conv_layers": 1}, {"conv_layers": 2}]
    fits = fits_of(finished)
    for row in results.trials:
        depth = row.hyperparameters["conv_layers"]
        curves = [fits[f"conv_layers-{depth}_fold0{fold}_seed0.json"]["curve"] for fold in (0, 1)]
        best = [max(epoch["validation_uar"] for epoch in curve) for curve in curves]
        assert row.status == "complete" and row.validation_uar == pytest.approx(np.mean(best))
        assert row.validation_uar_interval is None  # of two folds
        assert [len(curve) for curve in curves] == [2, 2]
    assert results.best.validation_uar == max(row.validation_uar for row in results.trials)
    assert (finished / "depth.png").stat().st_size > 5000


def without_intervals(values):
    """A search's JSON object without its intervals, which are computed again when it is read."""
    for trial in [values["best"], *values["trials"]]:
        assert trial.pop("validation_uar_interval")
    return values


def test_the_committed_search_is_read_and_written_with_the_same_content_but_for_the_intervals():
    content = json.loads((COMMITTED / "tuning.json").read_text())
    del content["sha256"]
    results = read_tuning(COMMITTED)
    assert without_intervals(results.to_dict()) == without_intervals(content)
    low, high = results.best.validation_uar_interval
    uars = [fit.validation_uar for fit in results.best.fits]
    assert (low, high) == pytest.approx((max(0, np.mean(uars) - 4.302653 * np.std(uars, ddof=1) / np.sqrt(3)), high))
    assert results.best.hyperparameters == {"conv_layers": 6} and results.settings.config.first_filters == 32


def test_the_committed_fits_are_read_and_written_with_the_same_content(tmp_path):
    paths = sorted((COMMITTED / "fits").glob("*.json"))
    assert len(paths) == 21
    for path in paths:
        FitResult.read(path).write(tmp_path / "fit.json")
        assert json.loads((tmp_path / "fit.json").read_text()) == json.loads(path.read_text())


def test_the_summary_has_the_coverage_and_a_table_of_trials(finished):
    text = report.summary(read_tuning(finished))
    assert "grid search: 2 of 2 trials, 2 of 5 folds × 1 seed" in text
    assert "| conv_layers | validation UAR (95 % interval) | published test UAR |" in text


def test_no_source_of_a_search_holds_a_test_utterance(finished, asked, search):
    record_set = RecordSet(search.experiment.records)
    folds = make_folds("leave-one-speaker-out", record_set.utterances, record_set.manifest.labels)
    assert len(asked) == 8  # a training and a validation source for two folds of two depths
    for number, ids in enumerate(asked):
        fold = folds[number // 2 % 2]
        assert ids == set(fold.validation if number % 2 else fold.train)
        assert not ids & set(fold.test)


def test_the_records_of_test_speakers_are_not_even_opened(finished, search, tmp_path):
    records = shutil.copytree(search.experiment.records, tmp_path / "records")
    (shard,) = [shard for shard in RecordSet(records).manifest.shards if shard.speaker == "s0"]
    (records / shard.file).write_bytes(b"no records at all")
    with pytest.raises(ValueError, match="damaged"):
        RecordSet(records).verify()
    experiment = replace(search.experiment, records=records)
    results = runner.tune(
        replace(search, experiment=experiment, depths=(1,), folds=(0,)), tmp_path / "out", announce=quiet
    )
    assert results.is_complete
    name = "conv_layers-1_fold00_seed0.json"
    changed, before = (
        [{**epoch, "seconds": 0, "waiting_share": 0} for epoch in fits_of(folder)[name]["curve"]]
        for folder in (tmp_path / "out", finished)
    )
    assert changed == before


def test_a_finished_search_trains_nothing_again(finished, search):
    before, lines = times_of(finished), []
    runner.tune(search, finished, announce=lines.append)
    assert lines == ["all 2 trials are there already"] and times_of(finished) == before


def test_another_plan_in_the_same_folder_uses_the_fits_that_are_there(finished, search, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    before = times_of(folder)
    results = runner.tune(replace(search, depths=(2,), folds=(1,)), folder, announce=quiet)
    assert [row.hyperparameters for row in results.trials] == [{"conv_layers": 2}]
    again = runner.tune(search, folder, announce=quiet)
    assert [row.validation_uar for row in again.trials] == [row.validation_uar for row in read_tuning(finished).trials]
    assert times_of(folder) == before


def test_a_state_of_kerastuner_that_a_kill_cut_in_half_costs_nothing(finished, search, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    before = times_of(folder)
    opened = SearchFolder(search, folder)
    opened.write([], 2, is_complete=False)
    state = folder / "oracle" / "oracle.json"
    state.write_text(state.read_text()[:100])
    assert runner.tune(search, folder, announce=quiet).is_complete
    assert times_of(folder) == before


PROGRAM = """
import sys
from pathlib import Path
from acrnn.console import run_job
from acrnn.crossval import Experiment
from acrnn.recipes import Recipe
from acrnn.tuning.search import Search
from acrnn.tuning import tune
recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=2)
experiment = Experiment(Path(sys.argv[1]), "chen2018-3d", recipe, options={options})
if __name__ == "__main__":
    search = Search(experiment, depths=eval(sys.argv[3]), folds=eval(sys.argv[4]))
    sys.exit(run_job(lambda: tune(search, Path(sys.argv[2])) and 0))
"""


def start(folder, search, out, depths, folds, **environment):
    script = folder / "program.py"
    if not script.exists():  # written anew, it would be empty for a moment, to a process that is just starting
        script.write_text(PROGRAM.replace("{options}", repr(TINY_NETWORK)))
    command = [sys.executable, script, search.experiment.records, out, repr(depths), repr(folds)]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_until(condition, process, seconds=1200):
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_a_kill_loses_one_fit_at_most_and_the_same_call_goes_on(finished, search, tmp_path):
    folder = tmp_path / "out"
    process = start(tmp_path, search, folder, (1, 2), (0, 1))
    wait_until(lambda: len(times_of(folder)) >= 1, process)  # in the middle of the first trial
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = times_of(folder)
    results = read_tuning(folder)
    assert len(kept) == 1 and not results.is_complete and results.coverage.trials == 0
    lines = []
    results = runner.tune(search, folder, announce=lines.append)
    assert results.is_complete and [row.status for row in results.trials] == ["complete", "complete"]
    assert [line.partition(":")[0] for line in lines if "fold" in line] == [
        f"conv_layers {depth}, fold {fold}, seed 0" for depth, fold in ((1, 1), (2, 0), (2, 1))
    ]
    assert times_of(folder).items() >= kept.items()
    assert len(fits_of(folder)) == 4


@long_test  # four processes; the command with --jobs 2 starts a chief and workers too
def test_a_chief_gives_trials_to_workers_of_other_processes_and_all_end(search, tmp_path):
    where = {"KERASTUNER_ORACLE_IP": "127.0.0.1", "KERASTUNER_ORACLE_PORT": str(runner._free_port())}
    out, depths = tmp_path / "out", (1, 2, 3)
    chief, *workers = (
        start(tmp_path, search, out, depths, (0,), KERASTUNER_TUNER_ID=name, **where)
        for name in ("chief", "tuner0", "tuner1")
    )
    stranger = start(tmp_path, search, out, (1, 2), (0,), KERASTUNER_TUNER_ID="tuner2", **where)
    processes = [chief, *workers, stranger]
    try:
        outputs = [process.communicate(timeout=1200)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0, 0, 1], outputs
    assert "the chief searches something else (space.conv_layers is [1, 2, 3] there, [1, 2] here)" in outputs[3]
    assert "the search is over" in outputs[1] and "3 of 3 trials" in outputs[0]
    results = read_tuning(out)
    assert results.is_complete and [row.status for row in results.trials] == ["complete"] * 3
    assert {fit["worker"] for fit in fits_of(out).values()} == {"tuner0", "tuner1"}


@long_test  # five fits
def test_hyperband_spends_epochs(search, tmp_path):
    experiment = replace(search.experiment, recipe=replace(RECIPE, epochs=3))
    results = runner.tune(
        replace(search, experiment=experiment, kind="hyperband", folds=(0,)), tmp_path, announce=quiet
    )
    rounds = [row.hyperparameters["epochs"] for row in results.trials]
    assert rounds == [1, 1, 3, 3, 3]  # a bracket of two that keeps one, and a bracket of two
    first = results.trials[:3]
    best = max(first[:2], key=lambda row: row.validation_uar)
    assert first[2].hyperparameters["conv_layers"] == best.hyperparameters["conv_layers"]
    for fit in fits_of(tmp_path).values():
        assert len(fit["curve"]) == fit["hyperparameters"]["epochs"]


def test_learning_rate_pooling_and_dropout_are_searched_when_asked(search, tmp_path):
    wide = replace(
        search, depths=(1,), folds=(0,), also=("dropout", "pooling", "learning_rate"), kind="random", max_trials=2
    )
    results = runner.tune(wide, tmp_path, announce=quiet)
    first, second = (row.hyperparameters for row in results.trials)
    assert first != second and list(first) == ["conv_layers", "learning_rate", "pooling", "dropout"]
    values = {"conv_layers": 3, "learning_rate": 3e-3, "pooling": "mean", "dropout": 0.4}
    prepared = SearchFolder(wide, tmp_path).experiment(values)
    assert (prepared.config.conv_layers, prepared.config.dropout) == (3, 0.4)
    assert (prepared.experiment.recipe.learning_rate, prepared.experiment.recipe.pooling) == (3e-3, "mean")
    assert report.best([tmp_path]).recipe.pooling == results.best.hyperparameters["pooling"]


def test_a_bayesian_search_ends_after_its_trials(search, finished, tmp_path):
    shutil.copytree(finished / "fits", tmp_path / "fits")
    before = times_of(tmp_path)
    results = runner.tune(replace(search, kind="bayesian"), tmp_path, announce=quiet)
    assert results.coverage.trials == 2 and times_of(tmp_path) == before


def test_the_folder_of_another_search_is_refused(search, finished):
    other = replace(search, experiment=replace(search.experiment, recipe=replace(RECIPE, learning_rate=1e-3)))
    with pytest.raises(ValueError, match=r"holds another search \(recipe.learning_rate is 0.01 there, 0.001 here\)"):
        runner.tune(other, finished, announce=quiet)
    with pytest.raises(ValueError, match="search is 'grid' there, 'random' here"):
        runner.tune(replace(search, kind="random"), finished, announce=quiet)


def test_a_damaged_fit_is_refused_with_the_remedy_and_repeated_when_it_is_deleted(search, finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "copy")
    path = folder / "fits" / "conv_layers-1_fold00_seed0.json"
    path.write_text(path.read_text().replace('"best_epoch": ', '"best_epoch": 1'))
    with pytest.raises(ValueError, match=r"conv_layers-1_fold00_seed0.json: damaged or changed by hand.*delete it"):
        runner.tune(search, folder, announce=quiet)
    path.unlink()
    lines = []
    runner.tune(search, folder, announce=lines.append)
    assert [line.partition(":")[0] for line in lines if "fold" in line] == ["conv_layers 1, fold 0, seed 0"]


def test_hyperparameters_that_cannot_be_trained_are_listed_and_others_go_on(search, tmp_path):
    broken = replace(search.experiment, recipe=replace(RECIPE, learning_rate=1e30))
    results = runner.tune(replace(search, experiment=broken, folds=(0,)), tmp_path, announce=quiet)
    assert [row.status for row in results.trials] == ["failed", "failed"] and results.best is None
    assert "conv_layers 2, fold 0 (speaker s0), seed 0: the training loss is" in results.trials[1].errors[0]
    with pytest.raises(ValueError, match="none of its 2 trials is complete"):
        report.best([tmp_path])


def test_an_error_that_is_not_about_hyperparameters_ends_the_search(search, tmp_path, monkeypatch):
    def fail(*arguments):
        raise OSError("the disk is full")

    monkeypatch.setattr(SearchFolder, "write_fit", fail)
    with pytest.raises(OSError, match="the disk is full"):
        runner.tune(replace(search, depths=(1,), folds=(0,)), tmp_path, announce=quiet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depths": (1, 8)}, "^depths 8: .*from 1 to 7"),
        ({"also": ("color",)}, "^also color: it cannot be searched"),
        ({"kind": "by hand"}, "^kind by hand: it is unknown"),
        ({"folds": (7,)}, "^folds 7: there is no such fold"),
    ],
)
def test_a_search_with_impossible_values_is_refused(search, tmp_path, changes, message):
    with pytest.raises(UsageError, match=message):
        runner.tune(replace(search, **changes), tmp_path, announce=quiet)
    assert not list(tmp_path.iterdir())


def test_the_best_configuration_is_a_recipe_that_options_change(search, finished):
    best = report.best([finished])
    depth = read_tuning(finished).best.hyperparameters["conv_layers"]
    assert best.recipe == replace(RECIPE, network={**TINY_NETWORK, "conv_layers": depth})
    given = ["--dataset", "manifest", "--records", str(search.experiment.records), "--model", "best"]
    options = arguments.parsed(
        run_cv._parser(), [*given, "--tuning", str(finished), "--epochs", "9", "--conv-layers", "5"]
    )
    from_options.adopt_best(options)
    experiment = from_options.experiment(options)
    assert experiment.recipe == replace(best.recipe, epochs=9)
    assert experiment.options == {"conv_layers": 5} and experiment.model == "chen2018-3d"
    options.recipe = "tuned"
    assert from_options.recipe_of(options, options.model).network == {**TUNED.network, "conv_layers": depth}
    assert from_options.recipe_of(options, options.model).augmentation == TUNED.augmentation


def test_an_unfinished_search_has_no_best_yet(search, tmp_path):
    SearchFolder(search, tmp_path).write([("0000", {"conv_layers": 1}, "running")], 2, is_complete=False)
    with pytest.raises(
        ValueError, match=r"0 of 2 trials are done; go on with the command of the search \(acrnn tune\)"
    ):
        report.best([tmp_path])


def test_the_command_line_searches_with_workers_and_cross_validates_the_best(
    tiny_corpus, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shared = ["--dataset", "manifest", "--folds", "0"]
    assert run_cv.main([*shared, "--model", "best"]) == 1
    assert "no search of manifest there; run one first: acrnn tune --dataset manifest" in capsys.readouterr().err
    quick = ["--data-dir", str(tiny_corpus), "--epochs", "1", "--batch-size", "8", "--reduced"]
    assert tune_depth.main([*shared, *quick, "--depths", "1,2", "--jobs", "2"]) == 0
    results = read_tuning(tmp_path / "runs" / "tuning" / "manifest-corpus_chen2018-3d")
    assert results.coverage == SearchCoverage(trials=2, planned=2, folds=1, of_folds=5, seeds=1)
    assert "2 of 2 trials, 1 of 5 folds" in capsys.readouterr().out
    assert run_cv.main([*shared, "--name", "corpus", "--model", "best", "--no-models"]) == 0
    settings = read_results(tmp_path / "runs" / "manifest-corpus_best").settings
    assert settings.config.conv_layers == results.best.hyperparameters["conv_layers"]
    assert settings.recipe.batch_size == 8
    assert run_cv.main([*shared, "--tuning", "elsewhere"]) == 2
    assert tune_depth.main([*shared, "--name", "corpus", "--conv-layers", "3"]) == 2
    assert "--conv-layers 3: it is searched; leave it out" in capsys.readouterr().err


def test_kerastuner_that_is_missing_is_named_with_its_extra(search, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_tuner", None)
    with pytest.raises(ImportError, match=r'pip install "acrnn\[tune\]"'):
        runner.tune(search, tmp_path, announce=quiet)


def test_this_process_is_no_worker_unless_the_environment_says_so(monkeypatch):
    assert tuner.role() is None and tuner.worker_name() == "tuner0"
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    for name, role in (("chief", "chief"), ("tuner3", "worker")):
        monkeypatch.setenv("KERASTUNER_TUNER_ID", name)
        assert tuner.role() == role
