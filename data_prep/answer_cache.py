"""What a slow program says of every utterance: asked once, kept line by line, in several processes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from acrnn import audio, files
from acrnn.workers import CONTEXT, end_with_parent
from data_prep.corpora.base import Utterance

Ask = Callable[[np.ndarray], str]
_UNREADABLE = "unreadable"  # in the place of the key of a file that cannot be read


def computed(
    utterances: Sequence[Utterance],
    description: str,
    make: Callable[[], Ask],
    kept: Path,
    sample_rate_hz: int,
    jobs: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, str]:
    """Answers by utterance id.

    Args:
        utterances: which.
        description: of the program, its version and its model: another one is asked anew.
        make: makes what answers, of a waveform [samples] a text; it is called once a process, so it must pickle.
        kept: file of answers, one line of JSON each; those that are there, of the same sound, are not asked for again.
        sample_rate_hz: that the program hears.
        jobs: processes.
        progress: called with utterances done and all.

    Returns:
        Answers; empty for a recording that cannot be used.
    """
    keys = {utterance.id: _key(utterance, description) for utterance in utterances}
    known = {_UNREADABLE: "", **_read(kept)}
    missing = [utterance for utterance in utterances if keys[utterance.id] not in known]
    files.make_folder(kept.parent)
    with kept.open("ab") as file:
        if missing:
            file.write(_end_of_line(kept))
        for number, (utterance, answer) in enumerate(_asked(missing, make, sample_rate_hz, jobs), start=1):
            known[keys[utterance.id]] = answer
            line = json.dumps({"key": keys[utterance.id], "answer": answer}, ensure_ascii=False)
            file.write(f"{line}\n".encode())
            file.flush()
            progress(len(utterances) - len(missing) + number, len(utterances))
    return {utterance.id: known[keys[utterance.id]] for utterance in utterances}


def _key(utterance: Utterance, description: str) -> str:
    part = [utterance.start_seconds, utterance.end_seconds]
    try:
        return files.sha256_of_json([files.sha256_of_file(utterance.path), part, description])
    except OSError:
        return _UNREADABLE  # which its extraction will tell


def _read(kept: Path) -> dict[str, str]:
    """Answers of earlier calls; a line that a killed one left half written is no answer."""
    known = {}
    for line in kept.read_bytes().split(b"\n") if kept.is_file() else ():
        try:
            entry = json.loads(line.decode())
            known[entry["key"]] = entry["answer"]
        except (ValueError, TypeError, KeyError):
            continue
    return known


def _end_of_line(kept: Path) -> bytes:
    """What ends the last line of a file, if a killed call left it half written."""
    with kept.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return b""
        file.seek(-1, os.SEEK_END)
        return b"" if file.read() == b"\n" else b"\n"


def _asked(
    utterances: Iterable[Utterance], make: Callable[[], Ask], sample_rate_hz: int, jobs: int
) -> Iterator[tuple[Utterance, str]]:
    if jobs == 1:
        _start(make, sample_rate_hz)
        yield from ((utterance, _answer(utterance)) for utterance in utterances)
        return
    with ProcessPoolExecutor(jobs, CONTEXT, _start, (make, sample_rate_hz, True)) as executor:
        yield from zip(utterances, executor.map(_answer, utterances, chunksize=4), strict=True)


_PROCESS: dict = {}  # of this process: what answers, and the rate that it hears


def _start(make: Callable[[], Ask], sample_rate_hz: int, child: bool = False) -> None:
    if child:
        end_with_parent()
    _PROCESS.update(ask=None, make=make, rate=sample_rate_hz)


def _answer(utterance: Utterance) -> str:
    if _PROCESS["ask"] is None:  # made when it is first needed: where every answer is known, nothing is loaded
        _PROCESS["ask"] = _PROCESS["make"]()
    try:
        waveform = audio.load_waveform(utterance.path, _PROCESS["rate"], utterance.start_seconds, utterance.end_seconds)
    except (audio.AudioError, OSError):
        return ""  # it cannot be used, which its extraction will tell
    return _PROCESS["ask"](waveform)
