"""Tables I and II and the confusion matrices (Figures 3, 4) of Chen et al. (2018), beside the published figures.

    python experiments/chen2018_tables.py --dataset emodb --data-dir emodb --depths 1-3 --seeds 0 --jobs 2
    python experiments/chen2018_tables.py --dataset iemocap --data-dir IEMOCAP_full_release --subset improvised-4

Writes tables.md, depth.png and confusion.png into the output folder, where each experiment has a folder of its own. The
same command goes on where a killed one stopped; what is missing shows in the column coverage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from acrnn import files, reports, studies
from acrnn.console import numbers, positive, run_job
from acrnn.crossval.results import Results
from acrnn.reports import comparison, published
from acrnn.studies import Variant
from experiments import arguments

DNN_ELM = "dnn-elm"


def main(given: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for usage."""
    options = arguments.parsed(_parser(), given)
    return run_job(lambda: run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=numbers, default=tuple(range(1, 8)), help="of Table I (default: 1-7)")
    parser.add_argument(
        "--table2-depth",
        type=positive,
        help="of the ACRNNs in Table II (default: the best of --depths by validation UAR)",
    )
    arguments.add_study_arguments(parser)
    return parser


def run(options: argparse.Namespace) -> int:
    """Runs Table I, then Table II at its best depth, and writes both."""
    recipe = f"_{options.recipe}" if options.recipe else ""
    output_dir = options.output_dir or Path("runs", f"chen2018_{arguments.selection_name(options)}{recipe}")
    if not options.tables_only:
        train(options, output_dir)
    write(options, output_dir)
    print((output_dir / "tables.md").read_text(encoding="utf-8"))
    return 0


def train(options: argparse.Namespace, output_dir: Path) -> None:
    """Runs what is missing; the tables are written anew after each experiment."""
    work = {
        "folds": options.folds,
        "seeds": options.seeds,
        "jobs": options.jobs,
        "after_each": lambda: write(options, output_dir),
    }
    studies.run([_acrnn(options, "chen2018-3d", depth) for depth in options.depths], output_dir, **work)
    depth = options.table2_depth or best_depth(_table_one(options, output_dir))
    baseline = Variant(
        DNN_ELM, "DNN-ELM (Han et al. 2014)", arguments.experiment(options, "han2014-dnn-elm", own_recipe=True)
    )
    studies.run([_acrnn(options, "chen2018-2d", depth), baseline], output_dir, **work)


def _table_one(options: argparse.Namespace, output_dir: Path) -> dict[str, Results]:
    return studies.finished([_name(depth) for depth in options.depths], output_dir)


def _name(depth: int, dimensions: int = 3) -> str:
    return f"{dimensions}d_conv{depth}"


def _acrnn(options: argparse.Namespace, model: str, depth: int) -> Variant:
    dimensions = 3 if model == "chen2018-3d" else 2
    experiment = arguments.experiment(options, model, conv_layers=depth)
    return Variant(_name(depth, dimensions), f"{dimensions}-D ACRNN, {depth} convolution layers", experiment)


def best_depth(found: Mapping[str, Results]) -> int:
    """The depth with the best mean validation UAR; the test speakers have no say."""
    best = max(found, key=lambda name: np.mean(list(comparison.validation_uar(found[name]).values())))
    return found[best].settings.config.conv_layers


def write(options: argparse.Namespace, output_dir: Path) -> None:
    """Writes tables.md and the figures from what is finished."""
    from acrnn import figures

    one = _table_one(options, output_dir)
    depth = options.table2_depth or best_depth(one)
    names = [DNN_ELM, _name(depth, 2), _name(depth)]
    systems = studies.finished(names, output_dir)
    three_d = systems.get(_name(depth), next(iter(one.values())))
    figures.write_png(
        figures.depths({found.settings.config.conv_layers: _point(found) for found in one.values()}),
        output_dir / "depth.png",
    )
    labels = three_d.settings.labels
    figures.write_png(figures.confusion(three_d.overall.confusion, labels), output_dir / "confusion.png")
    files.write_text(output_dir / "tables.md", _text(options, one, systems, three_d))


def _point(found: Results):
    from acrnn import figures

    overall = found.overall
    return figures.Point(overall.uar_fold_mean, overall.uar_fold_mean_interval, published.uar(found.settings))


def _text(options: argparse.Namespace, one: Mapping, systems: Mapping, shown: Results) -> str:
    header = ["", "UAR, mean over folds", "UAR, pooled (95 % interval)", "validation UAR", "published", "coverage"]
    parts = [
        f"# Chen et al. (2018) on {options.dataset}, recipe {options.recipe or 'chen2018'}",
        "UAR in percent, ± the standard deviation over folds; intervals resample speakers.",
        "## Table I: 3-D ACRNN by convolution layers",
        reports.markdown(header, [_row(name, found) for name, found in one.items()]),
        "## Table II: systems",
        reports.markdown(header, [_row(name, found) for name, found in systems.items()]),
        "Paired over test speakers, first minus second, 95 % interval; p by exact sign flips:",
        reports.markdown(["first", "second", "difference in UAR points", "verdict at 5 %"], _comparisons(systems)),
        "## Figure 3/4: confusion",
        f"![confusion](confusion.png)\n\nThe average recall of all utterances together, which is what the diagonal of such a "
        f"matrix gives, is {reports.percent(shown.overall.uar_pooled)}.",
    ]
    return "\n\n".join(parts) + "\n"


def _row(name: str, found: Results) -> list[str]:
    known = published.uar(found.settings)
    return [
        name,
        *reports.uar_cells(found),
        reports.percent(float(np.mean(list(comparison.validation_uar(found).values())))),
        "–" if known is None else known.cell(),
        reports.coverage(found),
    ]


def _comparisons(systems: Mapping[str, Results]) -> list[list[str]]:
    names = list(systems)
    pairs = [(names[j], names[i]) for i in range(len(names)) for j in range(i + 1, len(names))]
    rows = []
    for first, second in pairs:
        made = studies.compared(systems, first, second, comparison.tested_uar)
        rows.append([first, second, studies.difference(made), "–" if made is None else made.verdict])
    return rows


if __name__ == "__main__":
    sys.exit(main())
