"""The progress line: times of its updates and the estimated time left."""

import itertools
import logging
import os
import pty
import re
import sys
from contextlib import suppress

import pytest

from acrnn import console, progress
from acrnn.progress import Part, ProgressLine, duration


@pytest.fixture
def clock(monkeypatch):
    """Makes every call of the clock return a time ten seconds later."""
    ticks = itertools.count(0, 10)
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(ticks)))


def test_the_time_left_is_estimated_from_the_first_update_on(clock, capsys):
    with ProgressLine("reading", "files") as line:
        for done in range(1, 6):
            line.update(done, 5)
    assert capsys.readouterr().err.splitlines() == [
        "reading: 2 of 5 files, 30 s left",
        "reading: 4 of 5 files, 10 s left",
        "reading: 5 of 5 files",
    ]


def test_a_start_without_finished_parts_is_shown_at_once_and_not_timed(clock, capsys):
    line = ProgressLine("reading", "files")
    line.update(0, 4)
    assert capsys.readouterr().err == "reading: 0 of 4 files\n"
    for done in (0, 1, 2, 3):
        line.update(done, 4)
    assert capsys.readouterr().err.splitlines() == ["reading: 1 of 4 files", "reading: 3 of 4 files, 10 s left"]


def test_the_end_is_shown_once(clock, capsys):
    line = ProgressLine("reading", "files")
    line.update(5, 5)
    line.interval_seconds = 1e9
    line.update(5, 5)
    assert capsys.readouterr().err.count("5 of 5") == 1


@pytest.mark.parametrize(("seconds", "text"), [(8.4, "8 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_are_formatted_for_people(seconds, text):
    assert duration(seconds) == text


def test_all_warnings_of_tensorflow_are_shown_except_advice_on_retracing():
    console.import_quietly("tensorflow")
    advice, other = (
        logging.makeLogRecord({"msg": text})
        for text in ("5 out of the last 5 calls to f triggered tf.function retracing.", "another warning")
    )
    logger = logging.getLogger("tensorflow")
    assert not logger.filter(advice) and logger.filter(other)


@pytest.fixture
def terminal(monkeypatch):
    """Returns a function that replaces stderr by a terminal, and returns one that returns what was written to it since."""
    reader, writer = pty.openpty()
    os.set_blocking(reader, False)
    stream = os.fdopen(writer, "w")
    monkeypatch.setenv("COLUMNS", "110")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)

    def written():
        stream.flush()
        text = b""
        with suppress(BlockingIOError):
            while part := os.read(reader, 4096):
                text += part
        return text.decode()

    def opened():
        monkeypatch.setattr(sys, "stderr", stream)
        return written

    yield opened
    stream.close()
    os.close(reader)


CURSOR_OFF, CURSOR_ON, COLOR = "\x1b[?25l", "\x1b[?25h", re.compile(r"\x1b\[[\d;]*3[1-7][\d;]*m|\x1b\[38;")


def plain(text):
    """The text without control sequences."""
    return re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", text)


def test_a_terminal_has_a_bar_with_percent_elapsed_time_and_estimated_time_left(clock, terminal):
    written = terminal()
    with ProgressLine("reading", "files") as line:
        line.update(1, 4)
        line.update(2, 4, "(a.wav)")
    text = written()
    assert re.search(r"reading .*50% +\d:\d\d:\d\d 2 of 4 files, 20 s left \(a.wav\)", plain(text))
    assert COLOR.search(text)


def test_several_running_parts_have_a_bar_each_until_they_end(terminal):
    written = terminal()
    folds = [Part("fold 0, seed 0", 1, 4, "loss 1.5"), Part("fold 1, seed 0", 3, 4, "loss 0.5 [x]")]
    with ProgressLine("training", "epochs") as line:
        line.update(4, 8, "(left out)", folds)
        line.bars.progress.refresh()
        both = plain(written())
        line.update(5, 8, "(fold 0)", folds[:1])
    assert re.search(r"  fold 0, seed 0 .*25%.*loss 1.5", both) and re.search(r"  fold 1.*75%.*loss 0.5 \[x\]", both)
    assert "left out" not in both
    assert [text.split()[0] for text in plain(written().rpartition("\x1b[2K")[2]).strip().splitlines()] == ["training"]


def test_an_interruption_leaves_the_terminal_with_its_cursor_and_a_free_line(terminal):
    written = terminal()
    with pytest.raises(KeyboardInterrupt):
        interrupt()
    text = written()
    assert CURSOR_OFF in text and text.rindex(CURSOR_ON) > text.rindex(CURSOR_OFF)
    assert text.rindex("\n") > text.rindex("1 of 4")


def interrupt():
    with ProgressLine("reading", "files") as line:
        line.update(1, 4)
        raise KeyboardInterrupt


def test_no_color_is_respected(terminal, monkeypatch):
    written = terminal()
    monkeypatch.setenv("NO_COLOR", "1")
    with ProgressLine("reading", "files") as line:
        line.update(1, 4)
    assert "1 of 4" in (text := written()) and not COLOR.search(text)


def test_a_terminal_that_cannot_rewrite_a_line_has_plain_lines(clock, terminal, monkeypatch):
    written = terminal()
    monkeypatch.setenv("TERM", "dumb")
    with ProgressLine("reading", "files") as line:
        for done in (1, 2):
            line.update(done, 4)
    assert written().splitlines() == ["reading: 2 of 4 files, 20 s left"]
