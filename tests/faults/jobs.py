"""The commands that the harnesses interrupt, on the tiny corpus, each in a process group of its own.

Imports take most of the time of a small command. A job can therefore run in a fork of this process, which has imported everything,
so that its kills hit the work; the job's own workers are fresh interpreters in any case.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent
HOOKS = Path(__file__).parent / "hooks"
PREPARATION, CROSS_VALIDATION = "preparation", "cross-validation"
WORKERS = ("--jobs", "2")
LONGEST_SECONDS = 180.0  # a job that takes longer hangs
NETWORK = ("first_filters=4", "linear_units=8", "lstm_units=4", "dense_units=8")
IMPORTED = ("tensorflow", "keras", "keras_tuner", "matplotlib.pyplot", "librosa", "soundfile", "tf2onnx", "onnxruntime")


class Process:
    """A running job.

    Args:
        pid: its process id, which is that of its group, too.
        log: file with its output.
    """

    def __init__(self, pid: int, log: Path):
        self.pid, self.log = pid, log
        self._status: int | None = None

    def poll(self) -> int | None:
        """Returns the exit status, negative for a signal; None while the job runs."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def wait(self, seconds: float = LONGEST_SECONDS) -> int:
        """Returns the exit status of the job when it has ended.

        Raises:
            TimeoutError: it did not end in time; it is killed then.
        """
        end = time.monotonic() + seconds
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                self.kill(is_group=True)
                raise TimeoutError(f"no end after {seconds:.0f} s")
            time.sleep(0.01)
        return status

    def kill(self, is_group: bool) -> None:
        """Kills the job, or with its workers, and waits for the end of the job."""
        os.killpg(self.pid, signal.SIGKILL) if is_group else os.kill(self.pid, signal.SIGKILL)
        while self.poll() is None:
            time.sleep(0.002)

    def workers(self) -> list[psutil.Process]:
        """Returns the worker processes of the job."""
        try:
            children = psutil.Process(self.pid).children(recursive=True)
            return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
        except psutil.Error:
            return []

    def output(self) -> str:
        """Returns the end of the job's output."""
        return self.log.read_text(errors="replace")[-600:]


@dataclass(frozen=True)
class Job:
    """A command that writes a folder.

    Attributes:
        name: name in tables.
        module: module with the function `main`.
        arguments: its arguments; the folder follows them.
        suffix: what is added to the folder.
        is_forked: run in a fork of this process.
        environment: variables of the process.
        logs: folder for the output; None for that of the folder.
    """

    name: str
    module: str
    arguments: Sequence[str]
    suffix: str = ""
    is_forked: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    logs: Path | None = None

    def start(self, folder: Path) -> Process:
        """Starts the command."""
        log = (self.logs or folder.parent) / f"{folder.name}.log"
        arguments = [*self.arguments, str(folder) + self.suffix]
        path = os.pathsep.join([str(HOOKS), str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **self.environment, "PYTHONPATH": path}
        if self.is_forked:
            return Process(_forked(self.module, arguments, log, environment), log)
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module, *arguments],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **environment},
            )
        return Process(process.pid, log)


def _forked(module: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> int:
    """Runs `main` of a module in a fork of this process; returns its id."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        os.setsid()
        os.chdir(ROOT)
        for number, descriptor in enumerate((os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),) * 2, start=1):
            os.dup2(descriptor, number)
        os.environ.update(environment)
        sys.path.insert(0, str(HOOKS))
        import sitecustomize

        sitecustomize.install()
        sys.modules["__main__"] = main = importlib.import_module(module)  # as `python -m` does; workers import it, too
        status = main.main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status or 0)


def prepare_forks(jobs: Sequence[Job]) -> None:
    """Imports what the jobs need."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    modules = [job.module for job in jobs] + ["acrnn.crossval.fold_run", "acrnn.tuning.tuner", "acrnn.reports.html"]
    for name in (
        *IMPORTED,
        *modules,
        "acrnn.export.trained_model",
        "acrnn.export.saved_model",
        "acrnn.export.onnx_model",
    ):
        importlib.import_module(name)


def toy_jobs(corpus: Path, records: Path, run: Path, is_forked: bool = True) -> list[Job]:
    """Returns small jobs: preparation, cross-validation, search of the depth, export.

    Args:
        corpus: folder with a table of sound files, `manifest.csv`.
        records: record set of the corpus.
        run: folder of a finished experiment, whose network is exported.
        is_forked: run them in forks of this process.
    """
    data = ["--dataset", "manifest", "--data-dir", str(corpus), "--records", str(records)]
    small = [*data, "--reduced", "--epochs", "1"]
    network = [argument for value in NETWORK for argument in ("--network", value)]
    prepare = ["manifest", "--data-dir", str(corpus)]
    train = [*small, *network, "--folds", "0-1"]
    search = [*small, *network, "--depths", "1-2", "--folds", "0", "--output-dir"]
    export = ["export", "--run", str(run), "--format", "saved-model,onnx,litert", "--replace", "--out"]
    return [
        Job(PREPARATION, "data_prep.__main__", [*prepare, "--jobs", "1", "--out"], is_forked=is_forked),
        Job(f"{PREPARATION}, 2 workers", "data_prep.__main__", [*prepare, *WORKERS, "--out"], is_forked=is_forked),
        Job(CROSS_VALIDATION, "experiments.run_cv", [*train, "--output-dir"], is_forked=is_forked),
        Job(
            f"{CROSS_VALIDATION}, 2 workers",
            "experiments.run_cv",
            [*train, *WORKERS, "--output-dir"],
            is_forked=is_forked,
        ),
        Job("depth search", "experiments.tune_depth", search, is_forked=is_forked),
        Job("export", "acrnn.__main__", export, "/model/1", is_forked=is_forked),
    ]
