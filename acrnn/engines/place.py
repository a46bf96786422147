"""The place of a job on a cluster: folders and files that every machine must see, under the same paths."""

from __future__ import annotations

import os
import platform
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acrnn import __version__, files

_PATIENCE_SECONDS = 5.0  # a network file system may show a new file late
_REMEDY = (
    "records, recordings, results and the working directory of the command must lie on a path that all machines of the "
    "cluster see, such as a network file system"
)


@dataclass(frozen=True)
class Place:
    """The paths of a job, absolute.

    Attributes:
        directory: working directory of the command, which relative paths start from.
        token: file that the command has written into the folder of the results.
        text: its content.
        inputs: files that the tasks read.
        version: version of this package.
    """

    directory: Path
    token: Path
    text: str
    inputs: tuple[Path, ...]
    version: str = __version__

    def enter(self) -> None:
        """Changes to the working directory, after checks that this machine sees the place and has the same version.

        Raises:
            OSError: a folder or file is not there.
            ValueError: this machine has another version of the package.
        """
        if self.version != __version__:
            raise ValueError(
                f"{platform.node()}: acrnn {__version__} is installed, but the command runs {self.version}; "
                "install the same version on all machines"
            )
        for path in (self.directory, *self.inputs):
            if not path.exists():
                raise FileNotFoundError(f"{path}: not there on {platform.node()}; {_REMEDY}")
        if not self._shows_token():
            raise FileNotFoundError(
                f"{self.token.parent}: {platform.node()} does not see the files that the command writes there; {_REMEDY}"
            )
        os.chdir(self.directory)

    def _shows_token(self) -> bool:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return self.token.read_text(encoding="utf-8") == self.text
            except OSError:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.5)


@contextmanager
def place_of(folder: Path, inputs: Sequence[Path]) -> Iterator[Place]:
    """Yields the place of a job, whose token is there until the block ends.

    Args:
        folder: folder of the results.
        inputs: files that the tasks read.

    Raises:
        OSError: the folder cannot be written.
    """
    token, text = files.partial_path(folder.absolute() / "token"), uuid.uuid4().hex
    try:
        files.write_text(token, text)
    except OSError as error:
        raise OSError(
            f"{token.parent}: cannot be written ({error.strerror or error}); the command writes a small file there, which all "
            "machines of the cluster must see; work in a folder of a network file system that you may write"
        ) from error
    try:
        yield Place(Path.cwd(), token, text, tuple(path.absolute() for path in inputs))
    finally:
        token.unlink(missing_ok=True)
