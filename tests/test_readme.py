"""The README's table is what the results files say, and its commands and paths exist."""

import re
from pathlib import Path

from acrnn import cli
from data_prep import __main__ as data_prep_cli
from experiments import (
    ablation,
    audit_leakage,
    benchmark,
    chen2018_tables,
    format_costs,
    lim2016_tables,
    peng2021_tables,
    readme_tables,
    run_cv,
    tune_depth,
    zhang2021_tables,
)

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_generated_from_the_results_files():
    assert readme_tables.with_tables(README) == README
    assert len(list((ROOT / "experiments" / "results").glob("emodb_*/**/results.json"))) >= 3


def test_every_path_the_readme_links_to_exists():
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_option_the_readme_shows_is_understood():
    scripts = (
        ablation,
        audit_leakage,
        benchmark,
        chen2018_tables,
        format_costs,
        lim2016_tables,
        peng2021_tables,
        run_cv,
        tune_depth,
        zhang2021_tables,
        data_prep_cli,
        cli,
    )
    known = {option for script in scripts for option in option_strings(script._parser())}
    shown = set(re.findall(r"(?<=\s)--[a-z][a-z-]+", "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL))))
    assert shown <= known


def option_strings(parser):
    for action in parser._actions:
        yield from action.option_strings
        for command in getattr(action, "choices", None) or {}:
            if isinstance(action.choices, dict) and hasattr(action.choices[command], "_actions"):
                yield from option_strings(action.choices[command])
