"""The README's table is what the results files say, and its commands and paths exist."""

import re
from pathlib import Path

from acrnn import cli
from data_prep import __main__ as data_prep_cli
from experiments import readme_tables, run_cv

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_results_table_is_generated_from_the_results_files():
    assert readme_tables.with_table(README) == README
    assert len(list((ROOT / "experiments" / "results").glob("*/results.json"))) >= 1


def test_every_path_the_readme_links_to_exists():
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_option_the_readme_shows_is_understood():
    parsers = {"run_cv.py": run_cv._parser(), "data_prep": data_prep_cli._parser(), "acrnn": cli._parser()}
    known = {option for parser in parsers.values() for option in option_strings(parser)}
    shown = set(re.findall(r"(?<=\s)--[a-z][a-z-]+", "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))))
    assert shown <= known


def option_strings(parser):
    for action in parser._actions:
        yield from action.option_strings
        for command in getattr(action, "choices", None) or {}:
            if isinstance(action.choices, dict) and hasattr(action.choices[command], "_actions"):
                yield from option_strings(action.choices[command])
