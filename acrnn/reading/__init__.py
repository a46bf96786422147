"""The common part of all readers of files: regular files only, a bounded size, checked types, and errors that name the file."""

from acrnn.reading.foreign_errors import foreign_errors
from acrnn.reading.regular_files import MOST_BYTES, check_regular, is_file, read_bytes, read_text
from acrnn.reading.typed_values import check_fields, check_type

__all__ = [
    "MOST_BYTES",
    "check_fields",
    "check_regular",
    "check_type",
    "foreign_errors",
    "is_file",
    "read_bytes",
    "read_text",
]
