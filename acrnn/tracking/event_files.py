"""Event files for TensorBoard: one run for each fold and seed.

The callback of Keras does not fit: it belongs to `keras.Model.fit`, which this package does not use, and it works in the process
that trains, while all runs of a command report to one process, from other processes or machines too. The functions of `tf.summary`
do not fit either: in that process they would start TensorFlow's runtime, which takes the memory of a GPU that the runs need.
An event file is a file of TFRecords that hold `Event` messages, which TensorFlow has without the package `tensorboard`.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acrnn import files
from acrnn.console import import_quietly
from acrnn.reading.foreign_errors import reason
from acrnn.tracking.tracker import Subject

_FILE_VERSION = "brain.Event:2"  # first event of every file
_PREFIX = "events.out.tfevents"  # TensorBoard reads the files with such names
_SETTINGS, _FINISHED = "settings", "test_uar"  # tags; a file with the second is that of a finished run


class EventFiles:
    """Writes event files, see `Tracker`. The runs lie in DIR/<experiment>-<hash of folder and settings>/fold00_seed0.

    Args:
        root: the folder DIR.
        subject: the experiment.

    Raises:
        OSError: the folder cannot be made.
    """

    name = "TensorBoard"

    def __init__(self, root: Path, subject: Subject):
        import_quietly("tensorflow")
        self.folder = root / f"{subject.name}-{subject.key[:8]}"
        self.settings = _table(subject.flat_settings)
        self._writers: dict[tuple[int, int], Any] = {}
        files.make_folder(self.folder)

    def run_folder(self, fold: int, seed: int) -> Path:
        """Returns the folder of a run."""
        return self.folder / f"fold{fold:02d}_seed{seed}"

    def has(self, fold: int, seed: int) -> bool:
        """See `Tracker.has`."""
        paths = self.run_folder(fold, seed).glob(f"{_PREFIX}*")
        return any(_FINISHED.encode() in path.read_bytes() for path in paths)

    def begin(self, fold: int, seed: int) -> None:
        """See `Tracker.begin`."""
        import tensorflow as tf

        self.fail(fold, seed)
        folder = self.run_folder(fold, seed)
        files.make_folder(folder)
        for path in folder.glob(f"{_PREFIX}*"):
            path.unlink()
        path = folder / f"{_PREFIX}.{time.time_ns()}.{platform.node()}.{os.getpid()}"
        with _named(path):
            self._writers[fold, seed] = tf.io.TFRecordWriter(str(path))
        self._write(fold, seed, file_version=_FILE_VERSION)
        self._write(fold, seed, summary=_text(_SETTINGS, self.settings), step=0)

    def epoch(self, fold: int, seed: int, number: int, values: Mapping[str, float]) -> None:
        """See `Tracker.epoch`."""
        self._write(fold, seed, summary=_scalars(values), step=number)

    def finish(self, fold: int, seed: int, number: int, values: Mapping[str, float]) -> None:
        """See `Tracker.finish`."""
        self.epoch(fold, seed, number, values)
        self.fail(fold, seed)

    def fail(self, fold: int, seed: int) -> None:
        """See `Tracker.fail`."""
        if writer := self._writers.pop((fold, seed), None):
            with _named(self.run_folder(fold, seed)):
                writer.close()

    def publish(self, values: Mapping[str, float], results: Sequence[Path]) -> None:
        """Does nothing: TensorBoard compares runs, and shows no files."""

    def close(self, is_complete: bool) -> None:
        """See `Tracker.close`."""
        for run in list(self._writers):
            self.fail(*run)

    def _write(self, fold: int, seed: int, **event) -> None:
        """Appends an event that viewers see at once."""
        import tensorflow as tf

        with _named(self.run_folder(fold, seed)):
            writer = self._writers[fold, seed]
            writer.write(tf.compat.v1.Event(wall_time=time.time(), **event).SerializeToString())
            writer.flush()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turns errors of TensorFlow into errors that name the file."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise OSError(f"{path}: cannot be written ({reason(error)}); choose another folder") from error


def _scalars(values: Mapping[str, float]):
    """A summary with scalars by their tags."""
    import tensorflow as tf

    summary = tf.compat.v1.Summary
    return summary(value=[summary.Value(tag=name, simple_value=value) for name, value in values.items()])


def _text(tag: str, markdown: str):
    """A summary with a text for the plugin "text"."""
    import tensorflow as tf

    plugin = tf.compat.v1.SummaryMetadata.PluginData(plugin_name="text")
    summary, metadata = tf.compat.v1.Summary, tf.compat.v1.SummaryMetadata(plugin_data=plugin)
    tensor = tf.make_tensor_proto(markdown.encode())
    return summary(value=[summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def _table(values: Mapping[str, str]) -> str:
    """The settings as a table in Markdown."""
    bar = "\\|"
    rows = [f"| {name} | {value.replace('|', bar)} |" for name, value in values.items()]
    return "\n".join(["| setting | value |", "| --- | --- |", *rows])
