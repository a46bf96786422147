"""The tutorial notebook runs from the first cell to the last, and is small."""

import importlib.util
import os
import re

import nbformat
from nbclient import NotebookClient
from support.pages import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.ipynb"


def test_the_tutorial_runs_and_recognizes_more_than_chance(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(TUTORIAL, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    uar = re.search(r"^test speakers 01, 06: UAR ([\d.]+) %$", printed, re.MULTILINE)
    assert uar, printed
    assert float(uar[1]) > 40  # chance is 25
    figures = sum(
        "image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert figures == 3


def test_the_tutorial_is_committed_with_its_outputs_and_small():
    assert TUTORIAL.stat().st_size < 300_000
    cells = [cell for cell in nbformat.read(TUTORIAL, as_version=4).cells if cell.cell_type == "code"]
    assert sum("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs) == 3


def test_the_site_shows_the_cells_and_the_figures_of_the_tutorial():
    spec = importlib.util.spec_from_file_location("notebook_hook", ROOT / "docs" / "hooks" / "notebook.py")
    hook = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hook)
    page = hook.notebook_markdown(TUTORIAL)
    assert page.count("![figure](data:image/png;base64,") == 3
    assert "```python\nfrom collections import Counter" in page
    assert "```text\n160 utterances, 10 speakers" in page
    assert not page.startswith("#")  # the page has a title of its own
