"""Measures the gain of each departure from the recipe of Chen et al. (2018): one change at a time, on the same folds.

    python experiments/ablation.py --dataset emodb --data-dir emodb --jobs 2

Goes from the recipe "chen2018" to "tuned" (acrnn/recipes) one departure after the other, on a reduced network, and compares
validation UARs. Expect on Emo-DB: +8.8 points for centered segments, +4.8 for masks with sixty epochs, -3.5 for dropout
(experiments/results/ablation/ablation.md). On two cores: about ten minutes a row with one seed, half an hour for the row with
sixty epochs.

Writes ablation.md, ablation.png and curves.png into the output folder, where each experiment has its own folder. The same
command resumes after an interruption.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

from acrnn import studies
from acrnn.crossval.results import Results
from acrnn.crossval.settings import Settings
from acrnn.recipes import CHEN2018, DEPARTURES, LITERAL, Recipe, departed
from acrnn.reports import published, study_tables
from acrnn.reports.comparison import caption, late_validation_uar, validation_uar
from acrnn.reports.study_tables import COVERAGE, Column, column, mean_uar
from acrnn.studies import Variant
from experiments import arguments, from_options, study

SYSTEM = "chen2018-3d"


@dataclass(frozen=True)
class Step:
    """One row of the ablation.

    Attributes:
        name: name of the experiment's folder.
        title: title of the row.
        recipe: recipe of the experiment.
        reference: name of the row that it is compared with; None for the first.
    """

    name: str
    title: str
    recipe: Recipe
    reference: str | None


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    return arguments.run_script(_parser(), run, argv)


def _parser() -> argparse.ArgumentParser:
    parser = study.study_parser(__doc__)
    parser.add_argument("--full-size", action="store_true", help="the paper's network instead of the reduced one")
    study.add_only(parser)
    arguments.add_experiment_arguments(parser)
    return parser


def ladder() -> list[Step]:
    """Returns the steps in their order; each is compared with the step before it that was kept."""
    steps = [
        Step("literal", "the paper to the letter", LITERAL, None),
        Step("chen2018", "weights averaged, normalized by band", CHEN2018, "literal"),
    ]
    reference = "chen2018"
    for number, departure in enumerate(DEPARTURES):
        recipe = departed(CHEN2018, [*DEPARTURES[:number], replace(departure, kept=True)])
        title = f"**{departure.name}** ({'kept' if departure.kept else 'not kept'}): {departure.reason}"
        name = departure.name.replace(",", "").replace(" ", "-")
        steps.append(Step(name, title, recipe, reference))
        reference = name if departure.kept else reference
    return steps


def run(options: argparse.Namespace) -> int:
    """Runs every step and writes the gain of each."""
    options.reduced = not options.full_size
    name = f"ablation_{from_options.selection_name(options)}"
    return study.run_study(options, name, variants, page, "ablation.md")


def variants(options: argparse.Namespace, output_dir: Path) -> Iterator[Variant]:
    """Yields an experiment for each step."""
    base = from_options.experiment(options, SYSTEM)
    changes = from_options.recipe_changes(options)
    steps = {step.name: step for step in ladder()}
    for name in study.chosen("only", options.only, list(steps), "not in the table"):
        experiment = replace(base, recipe=replace(steps[name].recipe, **changes), save_models=False)
        yield Variant(name, steps[name].title, experiment)


def page(options: argparse.Namespace, output_dir: Path) -> str:
    """Draws the figures of the finished steps and returns their page."""
    steps = {step.name: step for step in ladder()}
    results = studies.finished(list(steps), output_dir)
    gains = study_tables.gains(results, {name: step.reference for name, step in steps.items()}, late_validation_uar)
    columns = (
        Column("compared with", lambda name, _: steps[name].reference or "–"),
        column("last five epochs", lambda result: mean_uar(result, late_validation_uar)),
        column("selected epoch", lambda result: mean_uar(result, validation_uar)),
        study_tables.difference_column("gain in points, last five epochs (95 % interval)", gains),
        COVERAGE,
    )
    study_tables.write_differences(gains, "validation UAR points gained", output_dir / "ablation.png")
    study_tables.write_mean_curves(results, output_dir / "curves.png")
    parts = [
        f"# Gain of each departure from the paper on {options.dataset}",
        f"{_networks(results.values())}. UAR of the validation speakers. {selection_note(results.values())} "
        "Each row adds one change to those kept before it and is judged by the mean of the last five epochs: the selected epoch "
        "favors recipes that select the best of many epochs, since a validation part is small. "
        f"{caption(gains.values(), 'folds')}",
        study_tables.results_table(results, columns, {name: step.title for name, step in steps.items()}),
        *(["![gains](ablation.png)"] if gains else []),
        "![learning curves](curves.png)",
    ]
    return study_tables.page(parts)


def _networks(results: Collection[Results]) -> str:
    """Titles of the networks of the table, with the sizes that differ from the system's."""
    return " and ".join(sorted({network_title(result.settings) for result in results})) or "No experiment has finished"


def network_title(settings: Settings) -> str:
    """Summary of the system, its depth and, for another network than the paper's, the sizes that differ."""
    layers = f"{settings.config.conv_layers} convolution layer{'s' if settings.config.conv_layers > 1 else ''}"
    sizes = ", ".join(f"{name} {getattr(settings.config, name)}" for name in settings.system.reduced)
    return (
        f"{settings.system.summary}, {layers}, {'full size' if published.full_size(settings) else f'smaller: {sizes}'}"
    )


def selection_note(results: Collection[Results]) -> str:
    """Returns sentences about the speakers by which a row of the table is chosen."""
    runs = [run for result in results for run in result.runs]
    validation = {speaker for run in runs for speaker in run.validation_speakers}
    tested = validation & {speaker for run in runs for speaker in run.test_speakers}
    if not tested:
        return "None of them is a test speaker of another fold."
    part = (
        f"All {len(tested)} of them" if tested == validation else f"{len(tested)} of these {len(validation)} speakers"
    )
    return (
        f"{part} are test speakers of other folds, so the test UAR of a recipe that is "
        "chosen by this table is a little too high; experiments/nested_selection.py chooses inside every fold instead."
    )


if __name__ == "__main__":
    sys.exit(main())
