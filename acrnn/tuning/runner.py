"""KerasTuner search inside the training parts: the depth of Table I of Chen et al. (2018), and more where asked.

The objective is the mean over folds and seeds of the validation UAR. The test part of a fold is neither predicted nor
scored, and a speaker who is in no training or validation part of the chosen folds is not even read. Over all folds of a
protocol, though, every test speaker validates in some other fold: a configuration chosen over all folds has seen each
of them, as the paper's has. Leave folds out with `folds` where that matters.

A search is done by this process, by a chief and workers that it starts (`jobs`), or by the same call in processes on
several machines, as KerasTuner's environment variables say: KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT name the
chief's address, KERASTUNER_TUNER_ID is "chief" in one and "tuner0", "tuner1" … in the others. They need one shared
folder. A worker that ended is started again under its name and takes up its trial; a chief that ended goes on where it was.
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
from acrnn.errors import UsageError
from acrnn.progress import ProgressLine
from acrnn.tuning import report as searched
from acrnn.tuning.search import FITS, TUNING, Search, SearchFolder
from acrnn.workers import events

_LOOK_SECONDS = 0.5
_LAST_CALL_SECONDS = 2.0  # a worker that comes late is told by the chief that all is done
_LOCAL = "127.0.0.1"


def tune(search: Search, output_dir: Path, jobs: int = 1, announce: Callable[[str], None] = print) -> dict | None:
    """Runs what is missing of a search and returns what tuning.json says of it; None for a worker of a chief elsewhere.

    Args:
        search: what to search.
        output_dir: its folder; fits in it are kept, and used again for more depths, folds or seeds.
        jobs: processes that train trials, with a chief, all on this machine.
        announce: takes a line for every fit and trial.

    Raises:
        ImportError: KerasTuner is not installed.
        FileNotFoundError, ValueError: the search cannot be done (see `SearchFolder`), the folder holds another one, or a
            fit in it is damaged.
        RuntimeError: a worker process died, or the chief does not answer.
    """
    tuner = _kerastuner()
    folder = SearchFolder(search, output_dir)
    role = tuner.role()
    if role and jobs > 1:
        raise UsageError(
            f"--jobs {jobs}: it starts a chief and workers here; leave it out with KERASTUNER_ORACLE_IP set"
        )
    if role == "worker":
        return _as_worker(folder, announce)
    found = _found(folder)
    if found and found["is_complete"]:
        announce(f"all {found['coverage']['trials']} trials are there already")
        return found
    with _Board(folder, announce) as board:
        board.open(is_new=found is None)
        if role == "chief":
            board.serve(f"{os.environ['KERASTUNER_ORACLE_IP']}:{os.environ['KERASTUNER_ORACLE_PORT']}")
        elif jobs > 1:
            board.start_workers(min(jobs, board.planned))
        else:
            tuner.search_trials(board.tuner)
        return board.publish(is_complete=True)


def _kerastuner():
    """The module with KerasTuner's part.

    Raises:
        ImportError: KerasTuner is missing; the message names the extra.
    """
    try:
        import_quietly("keras_tuner")
    except ImportError as error:
        raise ImportError(f'KerasTuner cannot be imported ({error}); install it with: pip install ".[tune]"') from error
    from acrnn.tuning import tuner

    return tuner


def _found(folder: SearchFolder) -> dict | None:
    """What tuning.json says, if it is of the same plan and its fits are as it says; None where KerasTuner begins anew."""
    files.make_folder(folder.folder / FITS)
    files.remove_partial(folder.folder / FITS)
    found = folder.read()
    if found is None or found["plan"] != folder.plan():
        return None
    ended = [row for row in found["trials"] if row["status"] != "running"]
    as_told = all(folder.row(row["trial"], row["hyperparameters"], row["status"]) == row for row in ended)
    return found if as_told else None


class _Board(ProgressLine):
    """Where a search is led from: it has the oracle, shows what happens, and writes the results after every trial."""

    def __init__(self, folder: SearchFolder, announce: Callable[[str], None]):
        super().__init__("tuning", "fits")
        self.folder, self.announce = folder, announce
        self.fits, self.told = 0, None

    def open(self, is_new: bool) -> None:
        """Takes the oracle up where it was left."""
        from acrnn.tuning import oracles, tuner

        self.tuner = tuner.open_tuner(self.folder, lambda: tuner.Trainer(self.folder, self.take), self.take, is_new)
        self.planned = oracles.planned_trials(self.folder.search, self.tuner.oracle)
        self.publish()

    def take(self, kind: str, *event) -> None:
        """Shows and keeps what happened in a fit or with a trial."""
        note = ""
        if kind == "trial":
            self.publish()
        elif kind == "fit":
            self.fits += 1
            self.announce(_line(*event))
        else:
            name, fold, seed, epoch = event
            note = f"({name}, fold {fold}, seed {seed}, epoch {epoch.epoch}: validation UAR {100 * epoch.validation_uar:.1f})"
        self.update(self.fits, self.planned * len(self.folder.tasks), note)

    def publish(self, is_complete: bool = False) -> dict:
        """Writes tuning.json and the figure; tells of the trials that ended since the last time."""
        from acrnn.tuning import oracles

        trials = oracles.trials_of(self.folder.search, self.tuner.oracle)
        found = self.folder.write(trials, self.planned, is_complete)
        searched.write_figure(self.folder.folder, found)
        ended = {row["trial"]: row for row in found["trials"] if row["status"] != "running"}
        for name in ended.keys() - (ended if self.told is None else self.told):
            self.announce(f"{len(ended)} of {found['coverage']['planned']} trials: {searched.outcome(ended[name])}")
        self.told = set(ended)
        self.fits = sum(
            len(self.folder.tasks) if row["trial"] in ended else len(row["fits"]) for row in found["trials"]
        )
        return found

    def serve(self, address: str) -> None:
        """The chief's part: gives trials to workers of other processes until there are none."""
        from acrnn.tuning import tuner

        self.announce(f"serving trials on {address} until workers have done them")
        with tuner.serving(self.tuner.oracle, address) as is_over:
            while not is_over():
                time.sleep(_LOOK_SECONDS)
                if len(self.tuner.oracle.end_order) > len(self.told):
                    self.publish()
            self.publish(is_complete=True)
            time.sleep(_LAST_CALL_SECONDS)

    def start_workers(self, jobs: int) -> None:
        """The chief's part, with workers that this process starts and that end with it."""
        from acrnn.tuning import tuner

        address = f"{_LOCAL}:{_free_port()}"
        arguments = (self.folder.search, self.folder.folder, address, MEMORY_BYTES // jobs)
        with tuner.serving(self.tuner.oracle, address), closing(events(jobs, _work_here, *arguments)) as happened:
            for event in happened:
                self.take(*event)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOCAL, 0))
        return probe.getsockname()[1]


def _work_here(number: int, report, search: Search, output_dir: Path, address: str, memory_bytes: int) -> None:
    """What a process does that `start_workers` started."""
    host, _, port = address.partition(":")
    names = {"TUNER_ID": f"tuner{number}", "ORACLE_IP": host, "ORACLE_PORT": port}
    os.environ.update({f"KERASTUNER_{name}": value for name, value in names.items()})
    os.environ.update(no_grpc_proxy=host)  # the chief is here, whatever proxy leads elsewhere
    _kerastuner()
    _work(SearchFolder(search, output_dir), report, memory_bytes)


def _as_worker(folder: SearchFolder, announce: Callable[[str], None]) -> None:
    """What the same command does where the environment makes it a worker."""

    def report(kind: str, *event) -> None:
        if kind == "fit":
            announce(_line(*event))

    if (folder.folder / TUNING).exists():
        found = folder.read()
        if found["plan"] == folder.plan() and found["is_complete"]:
            announce("the search is over")
            return
    _work(folder, report, MEMORY_BYTES)
    announce("the search is over; its chief writes the results")


def _work(folder: SearchFolder, report, memory_bytes: int) -> None:
    """Runs the chief's trials until it has no more."""
    from acrnn.tuning import tuner

    tuner.search_trials(tuner.open_tuner(folder, lambda: tuner.Trainer(folder, report, memory_bytes), report))


def _line(name: str, fold: int, seed: int, text: str) -> str:
    return f"{name}, fold {fold}, seed {seed}: {text}"
