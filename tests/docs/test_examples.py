"""Every Python example of the pages and of the docstrings runs."""

import doctest
import importlib
import re
import sys
from types import ModuleType

import pytest
import soundfile
from support.pages import PAGES, ROOT, blocks
from support.tiny_corpus import TINY_NETWORK

from data_prep.corpora import toy

WITH_EXAMPLES = [page for page in PAGES if any(not block.skip for block in blocks(page, "python"))]
SOURCES = [path for folder in ("acrnn", "data_prep", "experiments") for path in sorted((ROOT / folder).rglob("*.py"))]
WITH_DOCTESTS = [path for path in SOURCES if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType("example")  # dataclasses look for the module of a class
    monkeypatch.setitem(sys.modules, "example", module)
    for block in blocks(page, "python"):
        if not block.skip:
            exec(compile(block.setup, f"{page.name}, setup", "exec"), vars(module))
            exec(compile(block.code, page.name, "exec"), vars(module))


def test_the_example_of_a_cross_validation_runs_on_a_small_corpus(tiny_records, tmp_path, monkeypatch, capsys):
    example = next(block.code for block in blocks(ROOT / "docs" / "getting_started.md", "python") if block.skip)
    for written, smaller in {
        'Path("records/emodb")': f"Path({str(tiny_records)!r})",
        "CHEN2018, options": "replace(CHEN2018, epochs=1), options",
        '{"conv_layers": 5}': repr({"conv_layers": 1, **TINY_NETWORK}),
        "seeds=range(5)": "seeds=range(1), folds=[0, 1, 2]",
    }.items():
        assert written in example
        example = example.replace(written, smaller)
    monkeypatch.chdir(tmp_path)
    exec(f"from dataclasses import replace\n{example}", {})
    shown = re.search(r"^(0\.\d+|1\.0) \(", capsys.readouterr().out, re.MULTILINE)
    assert shown, "no mean UAR and interval"  # three folds at least have one


def test_the_examples_of_docstrings_give_what_they_show(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    soundfile.write("speech.wav", toy.utterance_waveform(1, "anger", 1), 16000)  # the recording in the examples
    for path in WITH_DOCTESTS:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        failed, tried = doctest.testmod(importlib.import_module(module))
        assert tried, path
        assert not failed, path
