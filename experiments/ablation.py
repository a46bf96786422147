"""What each departure from the paper's recipe gains: one change at a time, the same folds, judged by validation UAR.

    python experiments/ablation.py --dataset emodb --data-dir emodb --jobs 2

Goes from the recipe "chen2018" to "tuned" (acrnn/recipes.py) one departure after the other. The network is the paper's on a
smaller scale, so that ten folds of ten recipes are affordable; the full size is for the tables. Writes ablation.md,
ablation.png and curves.png into the output folder, where each experiment has a folder of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from acrnn import files, reports, studies
from acrnn.console import comma_separated
from acrnn.crossval.results import Results
from acrnn.models import MODELS
from acrnn.recipes import CHEN2018, DEPARTURES, LITERAL, Recipe, departed
from acrnn.reports import comparison
from acrnn.studies import Variant
from experiments import arguments, from_options

SYSTEM = "chen2018-3d"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = arguments.study_parser(__doc__)
    parser.add_argument("--full-size", action="store_true", help="the paper's network instead of the reduced one")
    parser.add_argument("--only", type=comma_separated, help="only these rows, by the names of their folders")
    arguments.add_experiment_arguments(parser)
    return parser


def ladder() -> list[tuple[str, str, Recipe, str | None]]:
    """(name, what is changed, recipe, name of the recipe it is compared with) of every row."""
    rows = [
        ("literal", "the paper to the letter", LITERAL, None),
        ("chen2018", "weights averaged, normalized by band", CHEN2018, "literal"),
    ]
    before = "chen2018"
    for number, departure in enumerate(DEPARTURES):
        recipe = departed(CHEN2018, [*DEPARTURES[:number], replace(departure, kept=True)])
        title = f"**{departure.name}** ({'kept' if departure.kept else 'not kept'}): {departure.reason}"
        rows.append((_slug(departure.name), title, recipe, before))
        before = _slug(departure.name) if departure.kept else before
    return rows


def run(options: argparse.Namespace) -> int:
    """Runs every row and writes what each gained."""
    output_dir = options.output_dir or Path("runs", f"ablation_{from_options.selection_name(options)}")
    options.reduced = not options.full_size
    if not options.tables_only:
        train(options, output_dir)
    write(output_dir, options)
    print((output_dir / "ablation.md").read_text(encoding="utf-8"))
    return 0


def train(options: argparse.Namespace, output_dir: Path) -> None:
    """Runs what is missing; the table is written anew after each row."""
    base = from_options.experiment(options, SYSTEM)
    changes = from_options.recipe_changes(options)
    variants = [
        Variant(name, title, replace(base, recipe=replace(recipe, **changes), save_models=False))
        for name, title, recipe, _ in ladder()
        if options.only is None or name in options.only
    ]
    studies.run(variants, output_dir, options.folds, options.seeds, options.jobs, lambda: write(output_dir, options))


def _slug(name: str) -> str:
    return name.replace(",", "").replace(" ", "-")


def write(output_dir: Path, options: argparse.Namespace) -> None:
    """Writes ablation.md and its figures from what is finished."""
    rows = ladder()
    found = studies.finished([name for name, *_ in rows], output_dir)
    gains = {
        name: studies.compared(found, name, before, comparison.late_validation_uar)
        for name, _, _, before in rows
        if before
    }
    header = [
        "",
        "compared with",
        "last five epochs",
        "kept epoch",
        "gain in points, last five (95 % interval)",
        "coverage",
    ]
    cells = [
        [
            title,
            before or "–",
            *_figures(found[name]),
            studies.difference(gains.get(name)),
            reports.coverage(found[name]),
        ]
        for name, title, _, before in rows
        if name in found
    ]
    size = "the paper's network" if options.full_size else f"a reduced network ({dict(MODELS[SYSTEM].reduced)})"
    text = [
        f"# What each departure from the paper gains on {options.dataset}",
        f"3-D ACRNN with one convolution layer, {size}. UAR of the validation speakers: nothing was chosen by a test part. "
        "Each row changes one thing on top of what was kept before it, and is judged by the mean of the last five epochs: the "
        "kept epoch flatters recipes that keep the best of twenty on some fifty utterances. Differences are paired over "
        "folds; p by exact sign flips.",
        reports.markdown(header, cells),
        "![gains](ablation.png)\n\n![learning curves](curves.png)",
    ]
    files.write_text(output_dir / "ablation.md", "\n\n".join(text) + "\n")
    _draw(found, gains, output_dir)


def _figures(results: Results) -> list[str]:
    return [
        f"{100 * np.mean(list(uar(results).values())):.1f}"
        for uar in (comparison.late_validation_uar, comparison.validation_uar)
    ]


def _draw(found: Mapping[str, Results], gains: dict, output_dir: Path) -> None:
    from acrnn import figures

    measured = {name: gain for name, gain in gains.items() if gain is not None}
    if measured:
        figures.write_png(figures.differences(measured, "validation UAR points gained"), output_dir / "ablation.png")
    curves = {name: [run.curve for run in results.runs] for name, results in found.items()}
    figures.write_png(figures.mean_curves(curves), output_dir / "curves.png")


if __name__ == "__main__":
    sys.exit(main())
