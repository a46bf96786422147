"""A cache for slow programs that answer a waveform with a text, such as speech recognizers: a JSON line per utterance."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from acrnn import audio, files
from acrnn.workers import pool
from data_prep.corpora.base import Utterance

Program = Callable[[np.ndarray], str]  # from a mono waveform float32 [samples] to a text
_UNREADABLE = "unreadable"  # key of a file that cannot be read


def cached_answers(
    utterances: Sequence[Utterance],
    description: str,
    make_program: Callable[[], Program],
    cache: Path,
    sample_rate_hz: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, str]:
    """Returns the answer to every utterance, from the cache where it has one.

    Args:
        utterances: the utterances.
        description: name, version and model of the program; the answers of another one are not used.
        make_program: returns the program; it is called once per process, so it must be picklable.
        cache: file of the answers, extended by one line of JSON for each new answer.
        sample_rate_hz: sampling rate of the waveforms that the program takes.
        jobs: number of processes.
        progress: called with the number of utterances done and the total.

    Returns:
        Answers by utterance id; "" for a recording that cannot be used.
    """
    keys = {utterance.id: _key(utterance, description) for utterance in utterances}
    answers = {_UNREADABLE: "", **_read(cache)}
    missing = [utterance for utterance in utterances if keys[utterance.id] not in answers]
    files.make_folder(cache.parent)
    with cache.open("ab") as file:
        if missing:
            file.write(_missing_line_end(cache))
        for number, (utterance, answer) in enumerate(_computed(missing, make_program, sample_rate_hz, jobs), start=1):
            answers[keys[utterance.id]] = answer
            line = json.dumps({"key": keys[utterance.id], "answer": answer}, ensure_ascii=False)
            file.write(f"{line}\n".encode())
            file.flush()
            progress(len(utterances) - len(missing) + number, len(utterances))
    return {utterance.id: answers[keys[utterance.id]] for utterance in utterances}


def _key(utterance: Utterance, description: str) -> str:
    """Hash of the sound of an utterance and of the program."""
    part = [utterance.start_seconds, utterance.end_seconds]
    try:
        return files.sha256_of_json([files.sha256_of_file(utterance.path), part, description])
    except OSError:
        return _UNREADABLE  # `extract` reports it


def _read(cache: Path) -> dict[str, str]:
    """Reads the answers by key; a line that was cut off when its process was killed is no answer."""
    answers = {}
    for line in cache.read_bytes().split(b"\n") if cache.is_file() else ():
        try:
            entry = json.loads(line.decode())
            answers[entry["key"]] = entry["answer"]
        except (ValueError, TypeError, KeyError):
            continue
    return answers


def _missing_line_end(cache: Path) -> bytes:
    """Returns the line end that the last line of the file lacks, if its process was killed; else nothing."""
    with cache.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read() == b"\n" else b"\n"


def _computed(
    utterances: Iterable[Utterance], make_program: Callable[[], Program], sample_rate_hz: int, jobs: int
) -> Iterator[tuple[Utterance, str]]:
    """Computes the answers, in order."""
    if jobs == 1:
        _prepare_process(make_program, sample_rate_hz)
        yield from ((utterance, _answer(utterance)) for utterance in utterances)
        return
    with pool(jobs, _prepare_process, (make_program, sample_rate_hz)) as executor:
        yield from zip(utterances, executor.map(_answer, utterances, chunksize=4), strict=True)


_PROCESS: dict = {}  # the program of this process, the function that makes it, and its sampling rate


def _prepare_process(make_program: Callable[[], Program], sample_rate_hz: int) -> None:
    _PROCESS.update(program=None, make_program=make_program, rate=sample_rate_hz)


def _answer(utterance: Utterance) -> str:
    """Returns the program's answer to an utterance; "" for a recording that cannot be used, which `extract` reports."""
    if _PROCESS["program"] is None:  # the model is loaded only where an answer is missing
        _PROCESS["program"] = _PROCESS["make_program"]()
    try:
        waveform = audio.load_waveform(utterance.path, _PROCESS["rate"], utterance.start_seconds, utterance.end_seconds)
    except (audio.AudioError, OSError):
        return ""
    return _PROCESS["program"](waveform)
