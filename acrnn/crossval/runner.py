"""Cross-validation of an experiment: resumable run by run, in one process or several.

An output folder belongs to one experiment: `experiment.json` and `split.json` are written first, and a call with other
settings is refused. More folds or seeds of the same experiment may be added at any time. Several calls may share the work, also on
machines with a shared folder: each run is done once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from acrnn import files
from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.crossval.claim import claimed, settings_at
from acrnn.crossval.experiment import Experiment, Prepared, chosen_folds
from acrnn.crossval.fine_tuning import announcement
from acrnn.crossval.fold_run import FoldRunner, make_estimator
from acrnn.crossval.results import EXPERIMENT, Results, write_results
from acrnn.crossval.run import read_run, run_path, write_run
from acrnn.crossval.tracked import TrackedRuns, tracked_runs
from acrnn.distribution import hosts
from acrnn.engines import Engine, LocalEngine
from acrnn.models import MODELS
from acrnn.output import lock
from acrnn.progress import Part, ProgressLine
from acrnn.recipes.recipe import AUTO, BFLOAT16, FLOAT32
from acrnn.records import RecordSet
from acrnn.records.manifest import MANIFEST
from acrnn.tracking import NOTHING, Tracking
from acrnn.training.precision import faster

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 2.0  # between two looks at the runs of other processes
ALL_FOLDS = -1  # in place of a fold in the events of a pre-training
Task = tuple[int, int]  # fold, seed


def cross_validate(
    experiment: Experiment,
    output_dir: Path,
    folds: Sequence[int] | None = None,
    seeds: Sequence[int] = (0,),
    jobs: int = 1,
    announce: Callable[[str], None] = print,
    engine: Engine | None = None,
    tracking: Tracking = NOTHING,
) -> Results:
    """Runs what is missing of an experiment, writes results.json and returns the results.

    Args:
        experiment: the experiment; the precision "auto" in its recipe is replaced by that of the folder's runs, or by the faster
            one on this machine.
        output_dir: its folder; finished runs in it are kept.
        folds: numbers of the folds to run; None for all.
        seeds: random seeds; every fold is run with each.
        jobs: number of processes that work on different runs. Each has its share of the cores as threads, so results differ
            by rounding errors between numbers of processes.
        announce: takes a line for every finished run.
        engine: runs the folds, see `acrnn.engines`; None for the local engine with these jobs.
        tracking: where learning curves go besides the results; it changes nothing in them.

    Raises:
        FileNotFoundError, ValueError: the experiment cannot be prepared (see `Prepared.of`), the folder holds another
            experiment, or a result in it is damaged.
        TaskError: runs failed on a cluster, and the others are finished.
        RuntimeError: a worker process died.
        OSError: another process works on another experiment in the folder, or the folder cannot be written.
    """
    experiment = _with_precision(experiment, output_dir)
    prepared = Prepared.of(experiment)
    with hosts.leading():  # the errors from here on are those of worker 0 alone
        tasks = [(fold, seed) for seed in seeds for fold in chosen_folds(folds, prepared.folds)]
        return _run_in_folder(prepared, output_dir, tasks, engine or LocalEngine(jobs), announce, tracking)


def _run_in_folder(
    prepared: Prepared,
    output_dir: Path,
    tasks: Sequence[Task],
    engine: Engine,
    announce: Callable[[str], None],
    tracking: Tracking,
) -> Results:
    """Claims the folder, runs what is missing in it, writes results.json and returns the results."""
    description = {"settings": prepared.settings(), "planned_folds": len(prepared.folds)}
    with claimed(output_dir, description, prepared.folds, is_shared=True):
        _check_finished(output_dir, tasks, announce)
        if line := announcement(prepared.experiment.initial_weights, prepared.records.manifest.labels):
            announce(line)
        with tracked_runs(tracking, prepared, output_dir, sorted(set(tasks))) as tracked:
            _run_all(prepared, output_dir, tasks, engine, announce, tracked)
        with lock.exclusive(output_dir, _PATIENCE_SECONDS):  # the last writer has read the runs of all processes
            return write_results(output_dir)


def _with_precision(experiment: Experiment, output_dir: Path) -> Experiment:
    """Returns an experiment with a precision in place of "auto": that of the folder's experiment, or the faster one here."""
    if experiment.recipe.precision != AUTO:
        return experiment
    path = output_dir / EXPERIMENT
    if path.exists():
        chosen = settings_at(path)["recipe"].get("precision", FLOAT32)
    else:
        system = MODELS.get(experiment.model)  # an unknown one is refused by `Prepared.of`
        chosen = faster() if system and BFLOAT16 in system.precisions else FLOAT32
    return replace(experiment, recipe=replace(experiment.recipe, precision=chosen))


def _check_finished(output_dir: Path, tasks: Sequence[Task], announce: Callable[[str], None]) -> None:
    """Reads the finished runs, so that a damaged result is reported before hours of work."""
    finished = [path for task in sorted(set(tasks)) if (path := run_path(output_dir, *task)).exists()]
    for path in finished:
        read_run(path)
    if finished:
        announce(f"{len(finished)} of {len(tasks)} runs are there already")


def _run_all(
    prepared: Prepared,
    output_dir: Path,
    tasks: Sequence[Task],
    engine: Engine,
    announce: Callable[[str], None],
    tracked: TrackedRuns,
) -> None:
    """Runs what is missing; waits for the runs that other processes have begun, and repeats those of killed ones."""
    is_waiting = False
    while missing := [path for task in tasks if not (path := run_path(output_dir, *task)).exists()]:
        free = [task for task in tasks if (path := run_path(output_dir, *task)) in missing and _is_free(path)]
        if free:
            _run_missing(prepared, free, engine, _Progress(prepared, output_dir, len(free), announce, tracked))
        elif not is_waiting:
            announce(f"waiting for {len(missing)} runs of {lock.holder(lock.task_lock(missing[0]))}")
        is_waiting = not free
        time.sleep(_LOOK_SECONDS if is_waiting else 0)


def _is_free(path: Path) -> bool:
    return lock.is_free(lock.task_lock(path))


def _run_missing(prepared: Prepared, tasks: Sequence[Task], engine: Engine, progress: _Progress) -> None:
    experiment, at_once, output_dir = prepared.experiment, engine.at_once(len(tasks)), progress.output_dir
    inputs = [experiment.records / MANIFEST]
    with progress:
        progress.show()
        if experiment.initial_weights.kind == "corpus" and (at_once > 1 or engine.is_cluster):
            seeds = [(ALL_FOLDS, seed) for seed in sorted({seed for _, seed in tasks})]
            engine.run(_pretrain, seeds, progress.take, (experiment, output_dir), output_dir, inputs)
        if at_once == 1 and not engine.is_cluster:
            engine = LocalEngine()  # a single run needs no process of its own
        arguments = (experiment, output_dir, MEMORY_BYTES // at_once)
        engine.run(run_tasks, tasks, progress.take, arguments, output_dir, inputs, partial(run_path, output_dir))


def _pretrain(tasks: Iterable[Task], report, claim, experiment: Experiment, output_dir: Path) -> None:
    """Job that pre-trains for some seeds, before the folds need the weights; they are written into the folder."""
    _, pretraining = make_estimator(Prepared.of(experiment), output_dir)
    for _, seed in tasks:
        if pretraining:
            pretraining.start(seed, partial(report, "pretraining", ALL_FOLDS, seed))


class _Progress(ProgressLine):
    """Shows the progress of the runs, hands them to the trackers, and writes results.json after each of them."""

    def __init__(
        self,
        prepared: Prepared,
        output_dir: Path,
        num_tasks: int,
        announce: Callable[[str], None],
        tracked: TrackedRuns,
    ):
        super().__init__("training", "epochs")
        self.prepared, self.output_dir, self.announce, self.tracked = prepared, output_dir, announce, tracked
        self.epochs, self.num_tasks = prepared.max_epochs, num_tasks
        self.finished: set[Task] = set()
        self.running: dict[Task, Part] = {}

    def take(self, kind: str, fold: int, seed: int, value) -> None:
        """Takes an event of `run_tasks`."""
        self.tracked.take(kind, fold, seed, value)
        note = ""
        if kind == "pretraining":
            corpus = RecordSet(self.prepared.experiment.initial_weights.source).manifest.corpus["name"]
            note = f"(pre-training on {corpus}, seed {seed}, epoch {value.epoch}: loss {value.loss:.3f})"
            if value.epoch == 1:
                self.announce(f"pre-training on {corpus}, seed {seed}, before its folds")
        elif kind == "epoch":
            uar = "" if value.validation_uar is None else f", validation UAR {100 * value.validation_uar:.1f}"
            title, text = f"fold {fold}, seed {seed}", f"loss {value.loss:.3f}{uar}"
            self.running[fold, seed] = Part(title, value.epoch, self.epochs, text)
            note = f"({title}: {text})"
        elif kind in ("elsewhere", "failed"):
            self.num_tasks -= (fold, seed) not in self.finished  # a lost worker may have finished the run before
            self.running.pop((fold, seed), None)
            if value:
                whole = f"seed {seed}" if fold == ALL_FOLDS else f"fold {fold}, seed {seed}"
                self.announce(f"{whole} failed: {value}")
        else:
            self.finished.add((fold, seed))
            self.running.pop((fold, seed), None)
            name = self.prepared.folds[fold].name
            self.announce(f"{len(self.finished)} of {self.num_tasks} runs: fold {fold} ({name}), seed {seed}: {value}")
            write_results(self.output_dir)
        self.show(note)

    def show(self, note: str = "") -> None:
        """Shows the epochs that are done, with a note; a terminal has bars from the start on."""
        running = list(self.running.values())
        done = len(self.finished) * self.epochs + sum(part.done for part in running)
        self.update(done, self.num_tasks * self.epochs, note, running)


def run_tasks(
    tasks: Iterable[Task],
    report: Callable[[str, int, int, object], None],
    claim: Callable[[Path], AbstractContextManager[bool]],
    experiment: Experiment,
    output_dir: Path,
    memory_bytes: int = MEMORY_BYTES,
) -> None:
    """Runs folds and seeds one after the other and writes their results; leaves out those that another process has.

    Args:
        tasks: pairs (fold, seed).
        report: takes the events ("pretraining", ALL_FOLDS, seed, Epoch), ("epoch", fold, seed, Epoch), ("done", fold, seed,
            text) and ("elsewhere", fold, seed, None).
        claim: claims the file of a run, see `lock.task`.
        experiment, output_dir: see `cross_validate`.
        memory_bytes: a corpus larger than this is streamed from disk.

    Raises:
        FitError: a training loss is not finite.
    """
    prepared = Prepared.of(experiment)
    choice = experiment.speaker_statistics
    feeder = Feeder(prepared.records, memory_bytes, prepared.used_utterances(), choice)
    runner = FoldRunner(prepared, feeder, output_dir)
    settings_sha256 = files.sha256_of_json(prepared.settings())
    for fold, seed in tasks:
        path = run_path(output_dir, fold, seed)
        with claim(path) as is_own:
            if not is_own or path.exists():
                report("elsewhere", fold, seed, None)
                continue
            if runner.pretraining:
                runner.pretraining.start(seed, partial(report, "pretraining", ALL_FOLDS, seed))
            hosts.announce(fold, seed)
            network_path = path.with_suffix(".keras") if experiment.save_models else None
            run = runner.run(fold, seed, partial(report, "epoch", fold, seed), settings_sha256, network_path)
            write_run(output_dir, run)
        report("done", fold, seed, f"UAR {100 * run.uar:.1f} (epoch {run.best_epoch}, {run.seconds:.0f} s)")
