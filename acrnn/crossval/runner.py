"""Cross-validation of an experiment: resumable run by run, in one process or several.

An output folder belongs to one experiment: `experiment.json` and `split.json` are written first, and a call with other
settings is refused. More folds or seeds of the same experiment may be added at any time. Several calls may share the work, also on
machines with a shared folder: each run is done once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from acrnn import files
from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.crossval.claim import claimed
from acrnn.crossval.experiment import Experiment, Prepared, chosen_folds
from acrnn.crossval.fine_tuning import announcement
from acrnn.crossval.fold_run import FoldRunner, make_estimator
from acrnn.crossval.results import Results, write_results
from acrnn.crossval.run import read_run, run_path, write_run
from acrnn.output import lock
from acrnn.progress import ProgressLine
from acrnn.records import RecordSet
from acrnn.workers import CONTEXT, events

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
) -> Results:
    """Runs what is missing of an experiment, writes results.json and returns the results.

    Args:
        experiment: the experiment.
        output_dir: its folder; finished runs in it are kept.
        folds: numbers of the folds to run; None for all.
        seeds: random seeds; every fold is run with each.
        jobs: number of processes that work on different runs. Each has its share of the cores as threads, so results differ
            by rounding errors between numbers of processes.
        announce: takes a line for every finished run.

    Raises:
        FileNotFoundError, ValueError: the experiment cannot be prepared (see `Prepared.of`), the folder holds another
            experiment, or a result in it is damaged.
        RuntimeError: a worker process died.
        OSError: another process works on another experiment in the folder, or the folder cannot be written.
    """
    prepared = Prepared.of(experiment)
    tasks = [(fold, seed) for seed in seeds for fold in chosen_folds(folds, prepared.folds)]
    description = {"settings": prepared.settings(), "planned_folds": len(prepared.folds)}
    with claimed(output_dir, description, prepared.folds, is_shared=True):
        _check_finished(output_dir, tasks, announce)
        if line := announcement(experiment.initial_weights, prepared.records.manifest.labels):
            announce(line)
        _run_all(prepared, output_dir, tasks, jobs, announce)
        with lock.exclusive(output_dir, _PATIENCE_SECONDS):  # the last writer has read the runs of all processes
            return write_results(output_dir)


def _check_finished(output_dir: Path, tasks: Sequence[Task], announce: Callable[[str], None]) -> None:
    """Reads the finished runs, so that a damaged result is reported before hours of work."""
    finished = [path for task in sorted(set(tasks)) if (path := run_path(output_dir, *task)).exists()]
    for path in finished:
        read_run(path)
    if finished:
        announce(f"{len(finished)} of {len(tasks)} runs are there already")


def _run_all(
    prepared: Prepared, output_dir: Path, tasks: Sequence[Task], jobs: int, announce: Callable[[str], None]
) -> None:
    """Runs what is missing; waits for the runs that other processes have begun, and repeats those of killed ones."""
    is_waiting = False
    while missing := [path for task in tasks if not (path := run_path(output_dir, *task)).exists()]:
        free = [task for task in tasks if (path := run_path(output_dir, *task)) in missing and _is_free(path)]
        if free:
            _run_missing(prepared, output_dir, free, jobs, announce)
        elif not is_waiting:
            announce(f"waiting for {len(missing)} runs of {lock.holder(lock.task_lock(missing[0]))}")
        is_waiting = not free
        time.sleep(_LOOK_SECONDS if is_waiting else 0)


def _is_free(path: Path) -> bool:
    return lock.is_free(lock.task_lock(path))


def _run_missing(
    prepared: Prepared, output_dir: Path, tasks: Sequence[Task], jobs: int, announce: Callable[[str], None]
) -> None:
    jobs = min(jobs, len(tasks))
    progress = _Progress(prepared, output_dir, len(tasks), announce)
    with progress:
        if jobs == 1:
            run_tasks(prepared.experiment, output_dir, tasks, progress.take)
            return
        for event in _events_of_workers(prepared.experiment, output_dir, tasks, jobs):
            progress.take(*event)


def _events_of_pretraining(
    experiment: Experiment, output_dir: Path, seeds: Sequence[int], jobs: int
) -> Iterator[tuple]:
    """Events of the pre-training of each seed in worker processes, before the folds need its weights."""
    if experiment.initial_weights.kind == "corpus":
        jobs = min(jobs, len(seeds))
        yield from events(jobs, _pretrain, experiment, output_dir, [seeds[number::jobs] for number in range(jobs)])


def _pretrain(number: int, report, experiment: Experiment, output_dir: Path, seeds: Sequence[Sequence[int]]) -> None:
    """Pre-trains for some seeds in a worker process."""
    _, pretraining = make_estimator(Prepared.of(experiment), output_dir)
    for seed in seeds[number]:
        if pretraining:
            pretraining.start(seed, partial(report, "pretraining", ALL_FOLDS, seed))


class _Progress(ProgressLine):
    """Shows the progress of the runs, and writes results.json after each of them."""

    def __init__(self, prepared: Prepared, output_dir: Path, num_tasks: int, announce: Callable[[str], None]):
        super().__init__("training", "epochs")
        self.prepared, self.output_dir, self.announce = prepared, output_dir, announce
        self.epochs, self.num_tasks = prepared.max_epochs, num_tasks
        self.finished = 0
        self.running: dict[Task, int] = {}  # epochs done

    def take(self, kind: str, fold: int, seed: int, value) -> None:
        """Takes an event of `run_tasks`."""
        note = ""
        if kind == "pretraining":
            corpus = RecordSet(self.prepared.experiment.initial_weights.source).manifest.corpus["name"]
            note = f"(pre-training on {corpus}, seed {seed}, epoch {value.epoch}: loss {value.loss:.3f})"
            if value.epoch == 1:
                self.announce(f"pre-training on {corpus}, seed {seed}, before its folds")
        elif kind == "epoch":
            self.running[fold, seed] = value.epoch
            uar = "" if value.validation_uar is None else f", validation UAR {100 * value.validation_uar:.1f}"
            note = f"(fold {fold}, seed {seed}: loss {value.loss:.3f}{uar})"
        elif kind == "elsewhere":
            self.num_tasks -= 1
        else:
            self.finished += 1
            self.running.pop((fold, seed), None)
            name = self.prepared.folds[fold].name
            self.announce(f"{self.finished} of {self.num_tasks} runs: fold {fold} ({name}), seed {seed}: {value}")
            write_results(self.output_dir)
        done = self.finished * self.epochs + sum(self.running.values())
        self.update(done, self.num_tasks * self.epochs, note)


def _events_of_workers(experiment: Experiment, output_dir: Path, tasks: Sequence[Task], jobs: int) -> Iterator[tuple]:
    """Events of `run_tasks` in worker processes, as they happen."""
    yield from _events_of_pretraining(experiment, output_dir, sorted({seed for _, seed in tasks}), jobs)
    queue = CONTEXT.Queue()
    for task in [*tasks, *[None] * jobs]:
        queue.put(task)
    yield from events(jobs, _take_tasks, experiment, output_dir, queue, MEMORY_BYTES // jobs)


def _take_tasks(number: int, report, experiment: Experiment, output_dir: Path, queue, memory_bytes: int) -> None:
    """Runs tasks from a queue in a worker process, until it is empty."""
    run_tasks(experiment, output_dir, iter(queue.get, None), report, memory_bytes)


def run_tasks(
    experiment: Experiment,
    output_dir: Path,
    tasks: Iterable[Task],
    report: Callable[[str, int, int, object], None],
    memory_bytes: int = MEMORY_BYTES,
) -> None:
    """Runs folds and seeds one after the other and writes their results; leaves out those that another process has.

    Args:
        experiment, output_dir: see `cross_validate`.
        tasks: pairs (fold, seed).
        report: takes the events ("pretraining", ALL_FOLDS, seed, Epoch), ("epoch", fold, seed, Epoch), ("done", fold, seed,
            text) and ("elsewhere", fold, seed, None).
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
        with lock.task(path) as is_own:
            if not is_own or path.exists():
                report("elsewhere", fold, seed, None)
                continue
            if runner.pretraining:
                runner.pretraining.start(seed, partial(report, "pretraining", ALL_FOLDS, seed))
            network_path = path.with_suffix(".keras") if experiment.save_models else None
            run = runner.run(fold, seed, partial(report, "epoch", fold, seed), settings_sha256, network_path)
            write_run(output_dir, run)
        report("done", fold, seed, f"UAR {100 * run.uar:.1f} (epoch {run.best_epoch}, {run.seconds:.0f} s)")
