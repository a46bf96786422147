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
