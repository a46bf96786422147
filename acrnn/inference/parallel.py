"""Recognition of many files at the same time: in processes of this machine, or on a cluster, by an engine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from acrnn.audio import Content
from acrnn.engines import Engine
from acrnn.errors import TaskError
from acrnn.inference import locate
from acrnn.inference.inputs import name_of
from acrnn.inference.prediction import Failure, Prediction
from acrnn.inference.recognizer import FILES_AT_ONCE, Recognizer
from acrnn.inference.runtimes import AuxiliaryInputs
from acrnn.inference.speaker_profile import SpeakerProfile

Sound = Path | Content
Result = Prediction | Failure
_MOST_CHECKED = 16  # folders of recordings, in each of which a machine of a cluster looks for a file


@dataclass(frozen=True)
class Model:
    """A model that worker processes load.

    Attributes:
        model: name of an included model, or version folder of another one.
        identity: see `Card.identity`.
        runtime: name of the runtime.
        threads: number of threads of each process; None for its share of the cores.
        check_speech: see `Recognizer.load`.
    """

    model: str | Path
    identity: str
    runtime: str
    threads: int | None
    check_speech: bool

    @classmethod
    def of(cls, recognizer: Recognizer, threads: int | None) -> Model:
        """Returns the model of a recognizer."""
        model = locate.reference(recognizer.folder)
        return cls(model, recognizer.card.identity, recognizer.runtime, threads, recognizer.check_speech)

    def load(self) -> Recognizer:
        """Loads the model in a worker process.

        Raises:
            ValueError: this machine has another model of that name.
            FileNotFoundError, ImportError: see `Recognizer.load`.
        """
        threads = self.threads or int(os.environ.get("OMP_NUM_THREADS", "0")) or None
        recognizer = Recognizer.load(self.model, self.runtime, threads, self.check_speech)
        if recognizer.card.identity != self.identity:
            raise ValueError(
                f"{recognizer.folder}: {platform.node()} has another model there than the machine of the command; "
                "copy the same model to all machines"
            )
        return recognizer


@dataclass(frozen=True)
class Parallel:
    """Recognizes files by an engine. Predictions equal those of one process but for rounding errors of the number of threads.

    Attributes:
        engine: runs the tasks. Each has the files that one process recognizes together, so that batches are the same.
        threads: number of threads of each process; None for its share of the cores.
    """

    engine: Engine
    threads: int | None = None

    def predict_files(
        self,
        recognizer: Recognizer,
        sounds: Sequence[Sound],
        take: Callable[[Result], None],
        auxiliary_inputs: Callable[[Path], AuxiliaryInputs] = lambda path: {},
        speaker: SpeakerProfile | None = None,
        is_brief: bool = False,
    ) -> None:
        """Predicts the emotions of any number of files; a file that fails gives a `Failure`.

        Args:
            recognizer: the model, which other processes load again.
            sounds: sound files, or the content of one that has no path.
            take: takes the results, in the order of the files.
            auxiliary_inputs, speaker: see `Recognizer.predict_files`.
            is_brief: leave out segments, attention and embeddings, which are most of the data that processes send.

        Raises:
            ValueError: the profile was made with another model.
            RuntimeError: a process of this machine died, or the cluster failed.
            OSError: a machine of the cluster does not see the files, or the working directory cannot be written.
        """
        recognizer.check_speaker(speaker)
        model = Model.of(recognizer, self.threads)
        arguments, seen = (model, speaker, is_brief), [*_model_folder(model), *_one_of_each_folder(sounds)]
        tasks = _tasks(sounds, auxiliary_inputs)
        # The files of the command are in its working directory: recordings and models may be read-only.
        with suppress(TaskError):  # the files of a failed task are failures
            self.engine.run(_recognize, tasks, _InOrder(take), arguments, Path.cwd(), seen, is_reused=True)


def _tasks(sounds: Sequence[Sound], auxiliary_inputs: Callable[[Path], AuxiliaryInputs]) -> list[tuple]:
    """Returns tasks (number, files, auxiliary inputs of the files that have some)."""
    parts = [sounds[start : start + FILES_AT_ONCE] for start in range(0, len(sounds), FILES_AT_ONCE)]
    given = [
        {path: values for sound in part if (values := auxiliary_inputs(path := Path(name_of(sound))))} for part in parts
    ]
    return list(zip(range(len(parts)), parts, given, strict=True))


def _model_folder(model: Model) -> list[Path]:
    """Returns the folder of a model that does not come with the package."""
    return [model.model] if isinstance(model.model, Path) else []


def _one_of_each_folder(sounds: Sequence[Sound]) -> list[Path]:
    """Returns a recording that exists of each folder; a machine that does not see them would fail on all others too."""
    folders: dict[Path, Path] = {}
    for path in sounds:
        if isinstance(path, Path) and path.parent not in folders and path.exists():
            folders[path.parent] = path
            if len(folders) == _MOST_CHECKED:
                break
    return list(folders.values())


def _recognize(
    tasks: Iterable[tuple[int, Sequence[Sound], Mapping[Path, AuxiliaryInputs]]],
    report: Callable[..., None],
    claim: object,
    model: Model,
    speaker: SpeakerProfile | None,
    is_brief: bool,
) -> None:
    """Job that recognizes the files of tasks, and reports ("recognized", number, None, None, results)."""
    recognizer = _loaded(model)
    for number, sounds, given in tasks:
        results = recognizer.predict_files(sounds, partial(_of, given), speaker)
        report("recognized", number, None, None, [_brief(each) if is_brief else each for each in results])


@cache
def _loaded(model: Model) -> Recognizer:
    """Returns the model of this process, loaded once for all tasks."""
    return model.load()


def _of(given: Mapping[Path, AuxiliaryInputs], path: Path) -> AuxiliaryInputs:
    return given.get(path, {})


def _brief(result: Result) -> Result:
    if isinstance(result, Failure):
        return result
    return replace(result, segments=(), attention_seconds=(), attention=(), embeddings=None)


class _InOrder:
    """Takes the events of tasks in any order, and hands on the results in the order of the files, each once."""

    def __init__(self, take: Callable[[Result], None]):
        self.take = take
        self.waiting: dict[int, list[Result]] = {}
        self.next = 0

    def __call__(self, kind: str, number: int, sounds: Sequence[Sound], given: object, value: Any) -> None:
        if kind == "failed":
            reason = str(value).strip().rpartition("\n")[2]  # the last line of a traceback
            value = [Failure(name_of(sound), f"{name_of(sound)}: {reason}") for sound in sounds]
        self.waiting.setdefault(number, value)  # a lost worker may have reported the results before
        while self.next in self.waiting:
            for result in self.waiting.pop(self.next):
                self.take(result)
            self.next += 1
