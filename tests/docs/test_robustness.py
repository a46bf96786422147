"""The page about robustness names tests that exist, and harnesses that are there."""

import re

from support.pages import ROOT

PAGE = (ROOT / "docs" / "robustness.md").read_text(encoding="utf-8")


def test_every_test_that_the_page_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) >= 15
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), test


def test_every_harness_is_on_the_page():
    harnesses = {path.name for path in (ROOT / "tests" / "faults").glob("*.py") if "\ndef main()" in path.read_text()}
    assert harnesses == {*re.findall(r"^\| `(\w+\.py)`", PAGE, re.MULTILINE), "run.py"}


def test_the_figures_are_those_of_a_long_run_without_a_loss():
    text = (ROOT / "experiments" / "results" / "faults.md").read_text(encoding="utf-8")
    pattern = r"^(\d+) kills, \d+ trials, 0 lost, [\d.]+ hours; (\d+) changed files, 0 faults\. acrnn "
    kills, changed = re.search(pattern, text, re.MULTILINE).groups()
    assert int(kills) >= 200 and int(changed) >= 10_000
