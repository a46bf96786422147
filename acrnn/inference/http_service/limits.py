"""Limits of the HTTP service. This module imports nothing else, so that `acrnn --help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of the HTTP service.

    Attributes:
        requests: requests for predictions that are open at the same time, one of them in work; others are refused.
        files: files in a request.
        upload_mb: size of a request in MB (10⁶ bytes).
        sound_seconds: length of a sound; a model with a lower limit keeps its own.
        request_seconds: time for a request, from its first byte to the answer.
    """

    requests: int = 16
    files: int = 16
    upload_mb: int = 50
    sound_seconds: int = 60
    request_seconds: int = 60
