"""The console: output in encodings that lack a character."""

import io
import sys

from acrnn.console import run_job


def test_output_escapes_what_its_encoding_lacks(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    assert run_job(lambda: print("грусть \udce4 █", end="") or 0) == 0
    stream.flush()
    assert stream.buffer.getvalue() == rb"\u0433\u0440\u0443\u0441\u0442\u044c \udce4 \u2588"


def test_a_job_without_memory_ends_with_a_remedy_and_no_traceback(capsys):
    def job():
        raise MemoryError("Unable to allocate 256. GiB")

    assert run_job(job) == 1
    remedy = "end other programs, or run with fewer jobs"
    assert capsys.readouterr().err == f"error: too little memory (Unable to allocate 256. GiB); {remedy}\n"
