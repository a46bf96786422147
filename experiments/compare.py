"""Compares the results of several experiments on one corpus, side by side and paired over their test speakers.

    acrnn compare runs/emodb_chen2018 runs/emodb_tuned runs/emodb_centered

The first experiment is compared with each of the others. Prints Markdown, and writes it with --out. Reads results.json alone.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import files
from acrnn.console import Parser, run_job
from acrnn.crossval.results import Results, read_results
from acrnn.errors import FieldError
from acrnn.reports import study_tables
from acrnn.reports.study_tables import COVERAGE, FIGURE_4, UAR_BY_FOLD, UAR_POOLED, WA, column
from acrnn.reports.tables import markdown, percent, recipe_name, system_title


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="output folder of an experiment")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Markdown file to write; it must not exist yet")
    return parser


def run(options: argparse.Namespace) -> int:
    """Prints the page, and writes it if asked to; returns the exit status."""
    if len(options.runs) < 2:
        raise FieldError("runs", options.runs[0], "name at least two experiments")
    if options.out and options.out.exists():
        raise FieldError("out", options.out, "it exists already; delete it, or choose another name")
    text = page(read(options.runs))
    print(text, end="")
    if options.out:
        files.make_folder(options.out.parent)
        files.write_text(options.out, text)
    return 0


def read(folders: Sequence[Path]) -> dict[str, Results]:
    """Returns results by the path of their folder.

    Raises:
        FieldError: a folder is named twice, or experiments differ in corpus, emotions or protocol.
    """
    results: dict[str, Results] = {}
    for folder in folders:
        if str(folder) in results:
            raise FieldError("runs", folder, "it is named twice")
        results[str(folder)] = read_results(folder)
        first, other = (results[name].settings for name in (str(folders[0]), str(folder)))
        for title, ours, theirs in (
            ("corpus", first.corpus.name, other.corpus.name),
            ("emotions", ", ".join(first.labels), ", ".join(other.labels)),
            ("protocol", first.protocol, other.protocol),
        ):
            if ours != theirs:
                raise FieldError("runs", folder, f"its {title} is {theirs}, and that of {folders[0]} {ours}")
    return results


def page(results: Mapping[str, Results]) -> str:
    """Returns the comparison as Markdown."""
    settings = next(iter(results.values())).settings
    columns, caption = study_tables.columns_and_caption(
        settings.corpus.name,
        [
            column("system", lambda each: system_title(each.settings)),
            column("recipe", lambda each: recipe_name(each.settings) or "–"),
            *(UAR_BY_FOLD, FIGURE_4, UAR_POOLED, WA, COVERAGE),
        ],
    )
    first, *others = results
    recalls = [[name, *(percent(row.recall, 0) for row in each.overall.per_class)] for name, each in results.items()]
    return study_tables.page(
        [
            f"# Comparison: {settings.corpus.title}, {settings.split_title}",
            caption,
            study_tables.results_table(results, columns, first="experiment"),
            study_tables.comparison_table(results, [(first, other) for other in others], has_verdict=True),
            "Recall of each emotion, in percent:",
            markdown(["experiment", *settings.labels], recalls),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
