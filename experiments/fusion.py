"""Fuses finished experiments on equal folds: averages the posteriors of their networks, and compares the fusion with each of them.

    acrnn fuse runs/emodb_tuned runs/emodb_tuned_reduced --output-dir runs/fusion
    acrnn fuse runs/emodb_centered --across-seeds --output-dir runs/ensemble

Rule and weights are selected in every fold by its validation speakers if all runs hold their posteriors; runs of earlier versions
do not, and get equal weights. Nothing is trained: seconds. The folder is one of an experiment, so reports and tables accept it;
`fusion.md` has the table. Expected for the committed `emodb_tuned` and `emodb_tuned_reduced`: UAR 78.1, mean over folds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files
from acrnn.console import run_job
from acrnn.crossval.fusion import PROBABILITY, RULES, Fusion, fuse, write_fusion
from acrnn.crossval.results import Results, read_results
from acrnn.errors import FieldError
from acrnn.reports import study_tables
from acrnn.reports.html import write_report
from acrnn.reports.study_tables import COVERAGE, FIGURE_4, UAR_BY_FOLD, UAR_POOLED, WA
from acrnn.reports.tables import markdown, percent, recipe_name, system_title

PAGE = "fusion.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("members", nargs="+", type=Path, metavar="RUN", help="folder of a finished experiment")
    parser.add_argument("--output-dir", type=Path, required=True, metavar="DIR", help="folder of the fusion")
    parser.add_argument(
        "--rule", choices=RULES, default=PROBABILITY, help="rule of equal weights (default: %(default)s)"
    )
    parser.add_argument(
        "--across-seeds", action="store_true", help="fuse all seeds of every experiment into one result"
    )
    return parser


def run(options: argparse.Namespace) -> int:
    """Fuses, writes the results, the report and the page, and prints the page."""
    members = titled(options.members)
    fusion = fuse(members, options.rule, options.across_seeds)
    results = write_fusion(options.output_dir, fusion)
    write_report(options.output_dir)
    text = page(members, fusion, results)
    files.write_text(options.output_dir / PAGE, text)
    print(text)
    return 0


def titled(folders: Sequence[Path]) -> dict[str, Results]:
    """Reads results by the title of their system and the name of their recipe.

    Raises:
        FieldError: a folder is named twice, or holds a fusion.
        FileNotFoundError, ValueError: see `read_results`.
    """
    members: dict[str, Results] = {}
    for folder in folders:
        results = read_results(folder)
        if results.settings.fusion:
            raise FieldError("members", folder, "it is a fusion; name its members instead")
        recipe = recipe_name(results.settings)
        title = system_title(results.settings) + (f", recipe {recipe}" if recipe else "")
        if title in members:
            raise FieldError("members", folder, f"{title} is among them already; name it once")
        members[title] = results
    return members


def page(members: Mapping[str, Results], fusion: Fusion, results: Results) -> str:
    """Returns the Markdown page of a fusion: its UAR and those of its members, the paired comparison, rule and weights."""
    name = f"fusion of {fusion.settings.num_models} models"
    rows = {name: results, **members}
    columns, caption = study_tables.columns_and_caption(
        fusion.settings.corpus.name, (UAR_BY_FOLD, FIGURE_4, UAR_POOLED, WA, COVERAGE)
    )
    return study_tables.page(
        [
            f"# {name.capitalize()}: {fusion.settings.corpus.title}, {fusion.settings.protocol}",
            caption,
            study_tables.results_table(rows, columns, first="system"),
            study_tables.comparison_table(rows, [(name, member) for member in members], has_verdict=True),
            *_combinations(members, fusion),
            "Hashes of the members' settings:",
            markdown(
                ["member", "SHA-256"],
                [[each["title"], f"`{each['settings_sha256']}`"] for each in fusion.settings.fusion["members"]],
            ),
        ]
    )


def _combinations(members: Mapping[str, Results], fusion: Fusion) -> list[str]:
    """States rule and weights: a sentence, and a table where the validation speakers of each fold selected them."""
    if not fusion.is_selected:
        rule = RULES[fusion.settings.fusion["rule"]]
        reason = "" if len(members) == 1 else ", since not all runs hold the posteriors of their validation speakers"
        return [f"All members have equal weights{reason}. Rule: {rule}. Nothing was selected."]
    rows = [
        [str(fold), str(seed), RULES[each.rule], *(percent(weight, 0) for weight in each.weights)]
        for (fold, seed), each in sorted(fusion.combinations.items())
    ]
    text = "Rule and weights (in percent), selected by the validation speakers of each fold:"
    return [text, markdown(["fold", "seed", "rule", *members], rows)]


if __name__ == "__main__":
    sys.exit(main())
