"""Arrays in .npz files, with sizes that are compared with the file before memory is taken."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np

from acrnn.reading.foreign_errors import foreign_errors
from acrnn.reading.regular_files import check_regular

_MOST_BYTES = 2**36  # of one array
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path, remedy: str) -> dict[str, np.ndarray]:
    """Returns the arrays in an .npz file by name; objects of Python are refused.

    Args:
        path: the file.
        remedy: advice at the end of error messages.

    Raises:
        FileNotFoundError: the file does not exist.
        FileError: it is no regular file, damaged, or of another kind.
    """
    check_regular(path, remedy)
    with foreign_errors(path, "damaged or no .npz file", remedy):
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_size(archive, member)
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}


def _check_size(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Refuses an array whose header states another size than its archive."""
    with archive.open(member) as file:
        shape, _, dtype = _HEADERS[np.lib.format.read_magic(file)](file)
        stored = member.file_size - file.tell()
    if stored > _MOST_BYTES or math.prod(shape) * dtype.itemsize != stored:
        raise ValueError(f"{member.filename}: an array {dtype} of shape {shape} in {stored} bytes")
