"""Progress of a long job on stderr: bars with the estimated time left on a terminal, a line at the start and every 15 s in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

_INTERVAL_SECONDS = 15.0  # between two lines in a log file
_REFRESHES_PER_SECOND = 2
_NO_CURSOR = ("dumb", "unknown")  # values of TERM for terminals that cannot rewrite a line


class Part(NamedTuple):
    """A part of a job that runs beside others: its title, what is done of it, its total, and a note."""

    title: str
    done: int
    total: int
    note: str = ""


class ProgressLine:
    """Shows the progress of a long job on stderr, as a context manager with a method `update(done, total)`.

    Args:
        title: description of the job, such as "recognizing".
        unit: plural of the counted unit, such as "files".
    """

    def __init__(self, title: str, unit: str):
        self.title, self.unit = title, unit
        self.is_terminal = sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in _NO_CURSOR
        self.interval_seconds = 0.0 if self.is_terminal else _INTERVAL_SECONDS
        self.shown_at: float | None = None
        self.created_at = time.monotonic()
        self.first: tuple[float, int] | None = None
        self.done = 0
        self.bars: _Bars | None = None

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *exception) -> None:
        if self.bars:
            self.bars.end()
            self.bars = None

    def update(self, done: int, total: int, note: str = "", parts: Sequence[Part] = ()) -> None:
        """Shows the progress if the last update is long enough ago, the job begins, which means that nothing is done, or it ends.

        Args:
            done, total: finished units and all units.
            note: text about the latest event.
            parts: parts that run now; a terminal has a bar for each if there are several.
        """
        now = time.monotonic()
        # Time is measured from the first finished part: starting processes and compiling happen only once, before it.
        if done and self.first is None:
            self.first = (now, done)
        begins = self.shown_at is None and not done
        since = now - (self.created_at if self.shown_at is None else self.shown_at)
        is_due = begins or since >= self.interval_seconds or (done == total and self.done < total)
        self.done = done
        if not is_due:
            return
        self.shown_at = now
        counted, left = f"{done} of {total} {self.unit}", self._left(now, done, total)
        if self.is_terminal:
            self.bars = self.bars or _Bars()
            note = "" if len(parts) > 1 else note  # the bars of the parts say more
            self.bars.show(Part(self.title, done, total, f"{counted}{left} {note}".rstrip()), parts)
        else:
            print(f"{self.title}: {counted}{left} {note}".rstrip(), file=sys.stderr, flush=True)

    def _left(self, now: float, done: int, total: int) -> str:
        """Text with the estimated time left; empty if there is no estimate."""
        if self.first is None:
            return ""
        started, first = self.first
        return f", {duration((now - started) / (done - first) * (total - done))} left" if first < done < total else ""


class _Bars:
    """The bars on a terminal: one for the whole job, and one for each part if several run at the same time."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(file=sys.stderr, highlight=False),
            refresh_per_second=_REFRESHES_PER_SECOND,
            redirect_stdout=sys.stdout.isatty(),  # lines for the terminal stand above the bars; a file keeps its lines
        )
        self.ids: dict[str, TaskID] = {}
        self.progress.start()

    def show(self, whole: Part, parts: Sequence[Part]) -> None:
        """Shows the job, with its parts if there are several, and removes the bars of other parts."""
        shown = {part.title: part for part in [whole, *(parts if len(parts) > 1 else ())]}
        for title in self.ids.keys() - shown.keys():
            self.progress.remove_task(self.ids.pop(title))
        for title, part in shown.items():
            if title not in self.ids:
                indented = title if part is whole else f"  {title}"
                self.ids[title] = self.progress.add_task(indented, total=part.total, note="")
            self.progress.update(self.ids[title], completed=part.done, total=part.total, note=part.note)

    def end(self) -> None:
        """Draws the final state, and gives the terminal back with its cursor."""
        self.progress.stop()


def duration(seconds: float) -> str:
    """Formats a duration: "8 s", "3 min 20 s", "2 h 5 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
