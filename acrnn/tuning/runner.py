"""Hyper-parameter search with KerasTuner inside the training parts of the folds, by default over the depths of Chen et al. (2018).

The objective is the mean validation UAR over folds and seeds. The test part of a fold is not predicted, and speakers outside
the training and validation parts of the chosen folds are not read. Over all folds of a protocol, however, every test speaker
is a validation speaker of another fold, so that a configuration selected over all folds depends on each of them, as the paper's
does. Choose fewer `folds` where that matters.

A search runs in this process, in a chief and workers that this process starts (`jobs`), or in processes on several machines
that make the same call with KerasTuner's environment variables: KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT are the chief's
address, KERASTUNER_TUNER_ID is "chief" in one process and "tuner0", "tuner1" … in the others. They need a shared folder. A
worker that was killed is started again with the same name and repeats its trial; a chief that was killed goes on where it was.

A grid search also runs on a cluster (`engine`): its fits first, each a task, and then the trials, which find them finished.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from acrnn import files
from acrnn.batches.sources import MEMORY_BYTES
from acrnn.console import import_quietly
from acrnn.engines import Engine
from acrnn.errors import FieldError, missing_extra
from acrnn.output import lock
from acrnn.progress import ProgressLine
from acrnn.tuning import fit_tasks, report
from acrnn.tuning.results import FITS, TUNING, SearchResults
from acrnn.tuning.search import Search, SearchFolder
from acrnn.workers import events

_LOOK_SECONDS = 0.5
_LAST_CALL_SECONDS = 2.0  # time for late workers to learn from the chief that the search is over
_LOCAL = "127.0.0.1"


def tune(
    search: Search,
    output_dir: Path,
    jobs: int = 1,
    announce: Callable[[str], None] = print,
    engine: Engine | None = None,
) -> SearchResults | None:
    """Runs what is missing of a search and returns its results; None in a worker of a chief in another process.

    Args:
        search: the search.
        output_dir: its folder; finished fits in it are kept, and used again for more depths, folds or seeds.
        jobs: number of processes on this machine that train trials; more than one need a chief.
        announce: takes a line for every fit and trial.
        engine: a cluster that runs the fits of a grid search; None or the local engine for the processes of `jobs`.

    Raises:
        FieldError: the search cannot be run on a cluster, see `fit_tasks.check`.
        TaskError: fits have no result on a cluster, and the others are finished.
        ImportError: KerasTuner is not installed.
        FileNotFoundError, ValueError: the search cannot be done (see `SearchFolder`), the folder holds another search, or a
            fit in it is damaged.
        RuntimeError: a worker process died, or the chief does not answer.
        OSError: another process works in the folder.
    """
    cluster = engine if engine and engine.is_cluster else None
    if cluster:
        fit_tasks.check(search.kind)
    tuner = _kerastuner()
    folder = SearchFolder(search, output_dir)
    role = tuner.role()
    if role and jobs > 1:
        raise FieldError("jobs", jobs, "it starts a chief and workers here; leave it out with KERASTUNER_ORACLE_IP set")
    if role == "worker":
        return _as_worker(folder, announce)
    with lock.exclusive(output_dir):  # workers of a chief leave the folder's own files to it
        return _as_leader(folder, role, jobs, announce, cluster)


def _as_leader(
    folder: SearchFolder, role: str | None, jobs: int, announce: Callable[[str], None], cluster: Engine | None
) -> SearchResults:
    """Runs what is missing of a search in this process, or in the workers that it starts or serves."""
    results = _earlier_results(folder)
    if results and results.is_complete:
        announce(f"all {results.coverage.trials} trials are there already")
        return results
    with _Board(folder, announce) as board:
        board.open(is_new=results is None)
        if role == "chief":
            board.serve(f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}")
        elif cluster:
            board.run_fits(cluster)
            _kerastuner().search_trials(board.tuner)  # finds all fits finished
        elif jobs > 1:
            board.start_workers(min(jobs, board.planned))
        else:
            _kerastuner().search_trials(board.tuner)
        return board.publish(is_complete=True)


def _kerastuner():
    """The module `acrnn.tuning.tuner`, which imports KerasTuner.

    Raises:
        ImportError: KerasTuner is missing; the message names the extra.
    """
    try:
        import_quietly("keras_tuner")
    except ImportError as error:
        raise missing_extra("tune", "the search with KerasTuner", error) from error
    from acrnn.tuning import tuner

    return tuner


def _earlier_results(folder: SearchFolder) -> SearchResults | None:
    """The results in tuning.json if they have the same plan and agree with the fits; None where KerasTuner starts again."""
    files.make_folder(folder.folder / FITS)
    files.remove_partial(folder.folder)
    files.remove_partial(folder.folder / FITS)
    results = folder.read()
    if results is None or results.plan != folder.plan():
        return None
    ended = [trial for trial in results.trials if trial.status != "running"]
    agrees = all(folder.trial(trial.trial, trial.hyperparameters, trial.status) == trial for trial in ended)
    return results if agrees else None


class _Board(ProgressLine):
    """The leading process of a search: it has the oracle, shows the progress, and writes the results after every trial."""

    def __init__(self, folder: SearchFolder, announce: Callable[[str], None]):
        super().__init__("tuning", "fits")
        self.folder, self.announce = folder, announce
        self.fits, self.announced = 0, None

    def open(self, is_new: bool) -> None:
        """Restores the state of the oracle."""
        from acrnn.tuning import oracles, trainer, tuner

        self.tuner = tuner.open_tuner(self.folder, lambda: trainer.Trainer(self.folder, self.take), self.take, is_new)
        self.planned = oracles.planned_trials(self.folder.search, self.tuner.oracle)
        self.publish()

    def take(self, kind: str, *event) -> None:
        """Takes an event of a fit ("epoch", "fit", "failed") or the end of a trial ("trial")."""
        note = ""
        if kind == "trial":
            self.publish()
        elif kind == "fit":
            self.fits += 1
            self.announce(_line(*event))
        elif kind == "failed":  # on a cluster
            name, fold, seed, reason = event
            self.announce(_line(name, fold, seed, f"failed: {reason}"))
        else:
            name, fold, seed, epoch = event
            note = f"({name}, fold {fold}, seed {seed}, epoch {epoch.epoch}: validation UAR {100 * epoch.validation_uar:.1f})"
        self.update(self.fits, self.planned * len(self.folder.tasks), note)

    def publish(self, is_complete: bool = False) -> SearchResults:
        """Writes tuning.json and the figure; announces the trials that ended since the last call."""
        from acrnn.tuning import oracles

        trials = oracles.trials_of(self.folder.search, self.tuner.oracle)
        results = self.folder.write(trials, self.planned, is_complete)
        report.write_figure(self.folder.folder, results)
        ended = {trial.trial: trial for trial in results.trials if trial.status != "running"}
        for name in ended.keys() - (ended if self.announced is None else self.announced):
            self.announce(f"{len(ended)} of {results.coverage.planned} trials: {report.outcome(ended[name])}")
        self.announced = set(ended)
        fits = sum(len(self.folder.tasks) if trial.trial in ended else len(trial.fits) for trial in results.trials)
        self.fits = max(self.fits, fits)  # a cluster has fits of trials that have not begun
        return results

    def run_fits(self, cluster: Engine) -> None:
        """Runs the missing fits of a grid on a cluster, before the trials that need them."""
        tasks = fit_tasks.missing(self.folder)
        self.fits = self.planned * len(self.folder.tasks) - len(tasks)
        fit_tasks.run(cluster, self.folder, tasks, self.take)

    def serve(self, address: str) -> None:
        """Serves trials to workers of other processes, as the chief, until there are none."""
        from acrnn.tuning import tuner

        self.announce(f"serving trials on {address} until workers have done them")
        with tuner.serving(self.tuner.oracle, address) as is_over:
            while not is_over():
                time.sleep(_LOOK_SECONDS)
                if len(self.tuner.oracle.end_order) > len(self.announced):
                    self.publish()
            self.publish(is_complete=True)
            time.sleep(_LAST_CALL_SECONDS)

    def start_workers(self, jobs: int) -> None:
        """Serves trials, as the chief, to workers that this process starts and that end with it."""
        from acrnn.tuning import tuner

        address = f"{_LOCAL}:{_free_port()}"
        arguments = (self.folder.search, self.folder.folder, address, MEMORY_BYTES // jobs)
        with tuner.serving(self.tuner.oracle, address), closing(events(jobs, _work_here, *arguments)) as worker_events:
            for event in worker_events:
                self.take(*event)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOCAL, 0))
        return probe.getsockname()[1]


def _work_here(number: int, send, search: Search, output_dir: Path, address: str, memory_bytes: int) -> None:
    """The job of a process started by `start_workers`."""
    host, _, port = address.partition(":")
    names = {"TUNER_ID": f"tuner{number}", "ORACLE_IP": host, "ORACLE_PORT": port}
    os.environ.update({f"KERASTUNER_{name}": value for name, value in names.items()})
    os.environ.update(no_grpc_proxy=host)  # the chief is on this machine, whatever the proxy
    _kerastuner()
    _work(SearchFolder(search, output_dir), send, memory_bytes)


def _as_worker(folder: SearchFolder, announce: Callable[[str], None]) -> None:
    """Runs trials of a chief in another process, as the environment variables say."""

    def show(kind: str, *event) -> None:
        if kind == "fit":
            announce(_line(*event))

    if (folder.folder / TUNING).exists():
        results = folder.read()
        if results.plan == folder.plan() and results.is_complete:
            announce("the search is over")
            return
    _work(folder, show, MEMORY_BYTES)
    announce("the search is over; its chief writes the results")


def _work(folder: SearchFolder, send, memory_bytes: int) -> None:
    """Runs trials of the chief until there are none."""
    from acrnn.tuning import trainer, tuner

    tuner.search_trials(tuner.open_tuner(folder, lambda: trainer.Trainer(folder, send, memory_bytes), send))


def _line(name: str, fold: int, seed: int, text: str) -> str:
    return f"{name}, fold {fold}, seed {seed}: {text}"
