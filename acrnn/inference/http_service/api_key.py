"""The key that clients of the HTTP service must send, from a file or the environment."""

from __future__ import annotations

import hmac
import os
from pathlib import Path

from acrnn.errors import UsageError

VARIABLE = "ACRNN_API_KEY"
_SHORTEST = 16


def read(path: Path | None) -> str | None:
    """Returns the key; None if there is no file and the environment variable is not set.

    Args:
        path: file with the key; None reads the environment variable `VARIABLE`.

    Raises:
        UsageError: the file cannot be read, or the key is too short or cannot stand in a header.
    """
    if path is None and VARIABLE not in os.environ:
        return None
    try:
        key = os.environ[VARIABLE] if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the key cannot be read ({error}); name a text file with one line") from error
    return _checked(key.strip(), VARIABLE if path is None else str(path))


def is_sent(key: str, authorization: bytes) -> bool:
    """Returns whether a header Authorization holds the key, in a time that does not depend on the key.

    Args:
        key: the key.
        authorization: value of the header, `Bearer KEY`.
    """
    scheme, _, sent = authorization.partition(b" ")
    return hmac.compare_digest(sent.strip(), key.encode("ascii")) and scheme.lower() == b"bearer"


def _checked(key: str, origin: str) -> str:
    if len(key) < _SHORTEST or not key.isascii() or not key.isprintable() or " " in key:
        raise UsageError(
            f"{origin}: the key needs {_SHORTEST} ASCII letters, digits and signs or more, without spaces; "
            "make one with: openssl rand -hex 32"
        )
    return key
