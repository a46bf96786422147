"""The progress line: times of its updates and the estimated time left."""

import itertools
import logging

import pytest

from acrnn import console, progress
from acrnn.progress import ProgressLine, duration


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


def test_a_start_without_finished_parts_is_shown_and_not_timed(clock, capsys):
    line = ProgressLine("reading", "files")
    for done in (0, 0, 1, 2, 3):
        line.update(done, 4)
    assert capsys.readouterr().err.splitlines() == ["reading: 0 of 4 files", "reading: 2 of 4 files, 20 s left"]


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
