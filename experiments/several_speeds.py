"""Predicts a finished experiment again, every utterance at several speeds, and averages the posteriors (test-time augmentation).

    python experiments/run_cv.py --dataset emodb --speeds 0.8,0.9,1.0,1.1,1.2 --reduced --recipe tuned --output-dir runs/x5
    python experiments/several_speeds.py --run runs/x5 --records records/emodb_chen2018_x5 --speeds 0.9,1.0,1.1 --validation
    python experiments/several_speeds.py --run runs/x5 --records records/emodb_chen2018_x5 --speeds 0.9,1.0,1.1 \\
        --output-dir runs/x5_three_speeds

Nothing is trained; the run needs the saved networks of its folds, and the records need copies at these speeds. With
`--validation` it prints the UAR of the validation speakers, by which speeds are chosen, and does not predict the test parts. Otherwise it
writes an experiment of the new predictions, which reports, tables and `acrnn fuse` accept, and `several_speeds.md`, which
compares it with one speed. Takes some seconds for each network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import files
from acrnn.console import run_job
from acrnn.crossval.results import Results, collect_results
from acrnn.errors import FieldError, UsageError
from acrnn.reports import study_tables
from acrnn.reports.html import write_report
from acrnn.reports.study_tables import COVERAGE, FIGURE_4, UAR_BY_FOLD, UAR_POOLED, WA
from acrnn.reports.tables import listed_speeds, percent, system_title
from data_prep.speed import speeds

PAGE = "several_speeds.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser, resumes=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, metavar="DIR", help="experiment with saved networks")
    parser.add_argument("--records", type=Path, required=True, metavar="DIR", help="its record set")
    parser.add_argument(
        "--speeds", type=speeds, required=True, metavar="X,X,…", help="speeds of the copies, such as 0.9,1.0,1.1"
    )
    parser.add_argument(
        "--validation", action="store_true", help="print the UAR of the validation speakers; test and write nothing"
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="folder of the new experiment")
    return parser


def run(options: argparse.Namespace) -> int:
    """Predicts; prints the UAR of the validation speakers, or writes the results, the report and the page."""
    from acrnn.crossval.prediction.again import predict_again, validation_uars

    if options.validation:
        if options.output_dir:
            raise UsageError("--validation: nothing is written; leave out --output-dir")
        uars = validation_uars(options.run, options.records, options.speeds)
        one, several = (
            percent(np.mean([getattr(each, name) for each in uars])) for name in ("at_one_speed", "at_speeds")
        )
        print(
            f"validation UAR, mean over {len(uars)} runs: {one} at one speed, {several} at {listed_speeds(options.speeds)}"
        )
        return 0
    if not options.output_dir:
        raise UsageError("--output-dir: name a folder, or choose --validation")
    if options.output_dir.resolve() == options.run.resolve():
        raise FieldError("output_dir", options.output_dir, "it holds the networks; choose another folder")
    results = predict_again(options.run, options.records, options.speeds, options.output_dir)
    write_report(options.output_dir)
    text = page(collect_results(options.run), results)
    files.write_text(options.output_dir / PAGE, text)
    print(text)
    return 0


def page(one: Results, several: Results) -> str:
    """Returns the Markdown page that compares the predictions at one speed and at several, by the same networks."""
    settings = several.settings
    name = f"at {listed_speeds(settings.test_speeds or ())}"
    rows = {"at one speed": one, name: several}
    columns, caption = study_tables.columns_and_caption(
        settings.corpus.name, (UAR_BY_FOLD, FIGURE_4, UAR_POOLED, WA, COVERAGE)
    )
    return study_tables.page(
        [
            f"# Prediction at several speeds: {system_title(one.settings)} on {settings.corpus.title}, {settings.split_title}",
            f"{caption} Both rows have the same networks.",
            study_tables.results_table(rows, columns, first="prediction"),
            study_tables.comparison_table(rows, [(name, "at one speed")], has_verdict=True),
            *_validation(rows),
        ]
    )


def _validation(rows: dict[str, Results]) -> list[str]:
    """States the UAR of the validation speakers, if every run has their posteriors."""
    parts = {name: [run.validation for run in results.runs if run.validation] for name, results in rows.items()}
    if any(len(parts[name]) < len(results.runs) for name, results in rows.items()):
        return []
    uars = " and ".join(f"{percent(np.mean([part.uar for part in each]))} {name}" for name, each in parts.items())
    return [f"UAR of the validation speakers, mean over runs: {uars}."]


if __name__ == "__main__":
    sys.exit(main())
