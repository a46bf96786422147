"""Studies: several experiments whose results stand together on one page of tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from acrnn import files, studies
from acrnn.console import comma_separated
from acrnn.crossval.claim import settings_at
from acrnn.crossval.results import EXPERIMENT
from acrnn.engines.arguments import engine_from
from acrnn.errors import FieldError
from acrnn.models import MODELS
from acrnn.recipes.recipe import AUTO, BFLOAT16, FLOAT32
from acrnn.studies import Variant
from acrnn.tracking.arguments import tracking_from
from experiments import arguments
from experiments.parser import ExperimentParser


def study_parser(description: str | None) -> ExperimentParser:
    """Returns a parser to which a script adds its own options first, then those of every experiment."""
    parser = arguments.experiment_parser(description)
    parser.add_argument("--tables-only", action="store_true", help="do not train; write the tables of finished runs")
    return parser


def add_only(parser: argparse.ArgumentParser) -> None:
    """Adds the option that restricts a study to some of its rows."""
    parser.add_argument(
        "--only", type=comma_separated, metavar="NAME,…", help="only these rows, by the names of their folders"
    )


def chosen(
    field: str, names: Sequence[str] | None, choices: Sequence[str], problem: str = "it is unknown"
) -> list[str]:
    """Returns the choices that an option names, in the order of the choices; all for None.

    Args:
        field: name of the option.
        names: value of the option.
        choices: valid names.
        problem: what is wrong with another name.

    Raises:
        FieldError: a name is not among the choices.
    """
    for name in names or ():
        if name not in choices:
            raise FieldError(field, name, f"{problem}; choose from {', '.join(choices)}")
    return [name for name in choices if names is None or name in names]


def _precision(output_dir: Path) -> str:
    """Returns the precision of the experiments in a study's folder, so that its rows agree; the faster one in a new folder."""
    chosen = sorted({settings["recipe"].get("precision", FLOAT32) for settings in _earlier_settings(output_dir)})
    return chosen[0] if len(chosen) == 1 else AUTO


def _earlier_settings(output_dir: Path) -> list[Mapping]:
    """Settings of the networks in the folders of a study; systems of one precision, or not installed, are left out."""
    read = [settings_at(path) for path in sorted(output_dir.glob(f"*/{EXPERIMENT}"))]
    return [each for each in read if each["model"] in MODELS and BFLOAT16 in MODELS[each["model"]].precisions]


def run_study(
    options: argparse.Namespace,
    name: str,
    variants: Callable[[argparse.Namespace, Path], Iterable[Variant]],
    page: Callable[[argparse.Namespace, Path], str],
    file: str = "tables.md",
) -> int:
    """Runs what is missing of a study, writes its page after each experiment, and prints it; returns the exit status.

    Args:
        options: options of `study_parser`.
        name: name of the default output folder under runs.
        variants: returns or yields the experiments for the options and the output folder; not called with --tables-only.
        page: draws the figures of the finished experiments in the output folder and returns their Markdown page.
        file: name of the page.
    """
    output_dir = options.output_dir or Path("runs", name)

    def write() -> None:
        files.write_text(output_dir / file, page(options, output_dir))

    if not options.tables_only:
        options.precision = options.precision or _precision(output_dir)
        tracking = tracking_from(options)
        todo = variants(options, output_dir)
        engine = engine_from(options, options.jobs)
        studies.run(todo, output_dir, options.folds, options.seeds, options.jobs, write, engine, tracking)
    write()
    print((output_dir / file).read_text(encoding="utf-8"))
    return 0
