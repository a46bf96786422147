"""The fits of a grid search as tasks of a cluster: which are missing, which searches are refused, and a fit that fails."""

from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment
from acrnn.engines import LocalEngine
from acrnn.recipes import Recipe
from acrnn.tuning import fit_tasks
from acrnn.tuning.search import Search, SearchFolder
from experiments import tune_depth


def test_a_fit_that_fails_is_written_and_the_others_are_tried(tiny_records, tmp_path):
    recipe = Recipe(learning_rate=1e30, batch_size=8, epochs=1)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    (tmp_path / "fits").mkdir()
    folder = SearchFolder(Search(experiment, depths=(1,), folds=(0, 1)), tmp_path)
    tasks = fit_tasks.missing(folder)
    assert tasks == [("conv_layers 1", 0, 0), ("conv_layers 1", 1, 0)]
    fit_tasks.run(LocalEngine(), folder, tasks, lambda *event: None)
    assert fit_tasks.missing(folder) == []
    (trial,) = [folder.trial("0", values, "failed") for values in folder.search.grid()]
    assert [error.partition(" (")[0] for error in trial.errors] == ["conv_layers 1, fold 0", "conv_layers 1, fold 1"]
    written = [path.stat().st_mtime_ns for path in sorted((tmp_path / "fits").iterdir())]
    fit_tasks.run(LocalEngine(), folder, tasks, lambda *event: None)  # as for a worker that was lost after its fit
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "fits").iterdir())] == written


def test_the_grid_has_every_configuration_in_order(tiny_records):
    experiment = Experiment(tiny_records, "chen2018-3d", Recipe())
    search = Search(experiment, depths=(2, 1), also=("dropout",))
    assert [tuple(values.values()) for values in search.grid()] == [(d, p) for d in (2, 1) for p in (0.0, 0.2, 0.4)]
    assert len(search.grid()) == search.size


def test_searches_that_choose_by_earlier_trials_are_refused_with_the_remedy(monkeypatch, capsys):
    given = ["--dataset", "emodb", "--engine", "ray"]
    for kind in ("random", "hyperband", "bayesian"):
        assert tune_depth.main([*given, "--search", kind]) == 2
        told = capsys.readouterr().err
        assert told.startswith(
            f"error: --engine ray: a {kind} search is run trial by trial; search the grid, or use several"
        )
        assert "KerasTuner's chief and workers (KERASTUNER_ORACLE_IP, docs/scaling.md)" in told
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "10.0.0.1")
    assert tune_depth.main(given) == 2
    assert "--engine ray: KERASTUNER_ORACLE_IP is set, for KerasTuner's chief" in capsys.readouterr().err
