"""A progress line with the estimated time left: rewritten in place on a terminal, a line every 15 s in a log file."""

from __future__ import annotations

import sys
import time


class ProgressLine:
    """Shows the progress of a long job on stderr, as a context manager with a method `update(done, total)`.

    Args:
        title: description of the job, such as "recognizing".
        unit: plural of the counted unit, such as "files".
    """

    def __init__(self, title: str, unit: str):
        self.title, self.unit = title, unit
        self.is_terminal = sys.stderr.isatty()
        self.interval_seconds = 0.2 if self.is_terminal else 15.0
        self.shown_at = time.monotonic()
        self.first: tuple[float, int] | None = None
        self.done = self.width = 0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *exception) -> None:
        if self.width:
            print(file=sys.stderr)

    def update(self, done: int, total: int, note: str = "") -> None:
        """Shows the progress, with a note, if the last update is long enough ago or the job is finished."""
        now = time.monotonic()
        # Time is measured from the first finished part: starting processes and compiling happen only once, before it.
        if done and self.first is None:
            self.first = (now, done)
        is_due = now - self.shown_at >= self.interval_seconds or (done == total and self.done < total)
        self.done = done
        if not is_due:
            return
        self.shown_at = now
        text = f"{self.title}: {done} of {total} {self.unit}{self._left(now, done, total)} {note}".rstrip()
        if self.is_terminal:
            print("\r" + text.ljust(self.width), end="", file=sys.stderr, flush=True)
            self.width = len(text)
        else:
            print(text, file=sys.stderr, flush=True)

    def _left(self, now: float, done: int, total: int) -> str:
        """Text with the estimated time left; empty if there is no estimate."""
        if self.first is None:
            return ""
        started, first = self.first
        return f", {duration((now - started) / (done - first) * (total - done))} left" if first < done < total else ""


def duration(seconds: float) -> str:
    """Formats a duration: "8 s", "3 min 20 s", "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
