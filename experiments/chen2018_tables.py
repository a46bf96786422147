"""Reproduces Tables I and II and the confusion matrices (Figures 3, 4) of Chen et al. (2018), beside the published figures.

    python experiments/chen2018_tables.py --dataset emodb --data-dir emodb --depths 1 --precision mixed_bfloat16
    python experiments/chen2018_tables.py --dataset iemocap --data-dir IEMOCAP_full_release --subset improvised-4

Expect on Emo-DB, ten folds, one seed, one convolution layer: UAR 68.8 (3-D ACRNN), 64.1 (2-D) and 59.7 (DNN-ELM); the paper has
81.53, 79.38 and 71.56 (experiments/results/emodb_chen2018/tables.md). On two cores: an hour of runs for a depth, 45 minutes for
2-D, 25 for DNN-ELM.

Writes tables.md, depth.png and confusion.png into the output folder, where each experiment has its own folder. The same
command resumes after an interruption; the column coverage shows what is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import studies
from acrnn.console import numbers, positive
from acrnn.crossval.results import Results
from acrnn.reports import study_tables
from acrnn.reports.comparison import validation_uar
from acrnn.reports.study_tables import (
    COVERAGE,
    FIGURE_4,
    PUBLISHED,
    UAR_BY_FOLD,
    UAR_POOLED,
    VALIDATION_UAR,
    results_table,
)
from acrnn.reports.tables import percent
from acrnn.studies import Variant
from experiments import arguments, from_options, study

DNN_ELM = "dnn-elm"
COLUMNS = (UAR_BY_FOLD, FIGURE_4, UAR_POOLED, VALIDATION_UAR, PUBLISHED, COVERAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    parser.add_argument(
        "--depths",
        type=numbers,
        metavar="N-M",
        default=tuple(range(1, 8)),
        help="numbers of convolution layers in Table I (default: 1-7)",
    )
    parser.add_argument(
        "--table2-depth",
        type=positive,
        metavar="N",
        help="convolution layers in Table II (default: the best of --depths by validation UAR)",
    )
    arguments.add_experiment_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs Table I, then Table II at its best depth, and writes both."""
    recipe = f"_{options.recipe}" if options.recipe else ""
    return study.run_study(options, f"chen2018_{from_options.selection_name(options)}{recipe}", variants, page)


def variants(options: argparse.Namespace, output_dir: Path) -> Iterator[Variant]:
    """Yields the 3-D ACRNNs of Table I, then the other systems of Table II."""
    yield from [_acrnn(options, "3d", depth) for depth in options.depths]  # all are checked before the first is trained
    yield _acrnn(options, "2d", options.table2_depth or best_depth(table_one(options, output_dir)))
    baseline = from_options.experiment(options, "han2014-dnn-elm", is_baseline=True)
    yield Variant(DNN_ELM, "DNN-ELM (Han et al. 2014)", baseline)


def _acrnn(options: argparse.Namespace, dimensions: str, depth: int) -> Variant:
    experiment = from_options.experiment(options, f"chen2018-{dimensions}", conv_layers=depth)
    return Variant(_name(dimensions, depth), f"{dimensions[0]}-D ACRNN, {depth} convolution layers", experiment)


def _name(dimensions: str, depth: int) -> str:
    return f"{dimensions}_conv{depth}"


def table_one(options: argparse.Namespace, output_dir: Path) -> dict[str, Results]:
    """Reads the finished experiments of Table I."""
    return studies.finished([_name("3d", depth) for depth in options.depths], output_dir)


def best_depth(results: Mapping[str, Results]) -> int:
    """Returns the depth with the best mean validation UAR; the test speakers play no part in it."""
    best = max(results.values(), key=lambda result: np.mean(list(validation_uar(result).values())))
    return best.settings.config.conv_layers


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Draws the figures of the finished experiments and returns the page of tables."""
    depths = table_one(options, output_dir)
    depth = options.table2_depth or best_depth(depths)
    systems = studies.finished([DNN_ELM, _name("2d", depth), _name("3d", depth)], output_dir)
    acrnn = systems.get(_name("3d", depth), next(iter(depths.values())))
    by_depth = {results.settings.config.conv_layers: results for results in depths.values()}
    study_tables.write_sweep(by_depth, output_dir / "depth.png")
    study_tables.write_confusion(acrnn, output_dir / "confusion.png")
    columns, caption = study_tables.columns_and_caption(options.dataset, COLUMNS)
    names = list(systems)
    pairs = [(second, first) for number, first in enumerate(names) for second in names[number + 1 :]]
    parts = [
        f"# Chen et al. (2018) on {options.dataset}, recipe {options.recipe or 'chen2018'}",
        caption,
        "## Table I: 3-D ACRNN by convolution layers",
        results_table(depths, columns),
        "## Table II: systems",
        results_table(systems, columns),
        study_tables.comparison_table(systems, pairs, has_verdict=True),
        "## Figures 3 and 4: confusion",
        "![confusion](confusion.png)",
        "The mean of the diagonal of this matrix is the UAR of all test utterances together, "
        f"{percent(acrnn.overall.uar_pooled)}.",
    ]
    return study_tables.page(parts)


if __name__ == "__main__":
    sys.exit(main())
