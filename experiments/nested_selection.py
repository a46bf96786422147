"""Selects one of several recipes inside every fold, by that fold's validation speakers alone, and evaluates the selection.

    python experiments/nested_selection.py FOLDER FOLDER … --output nested.md
    python experiments/run_cv.py --dataset emodb --nested literal,chen2018,centered,tuned   # trains the candidates first

A recipe that was chosen by the validation speakers of all folds has a test UAR that is a little too high, because each of them
is the test speaker of another fold. Here a fold's recipe is the candidate with the best validation UAR of its selected
checkpoint in this fold (of equal ones, the lower validation loss), averaged over seeds; the test part of that run counts. The
folders are finished experiments of one system on the same folds.

Expect for the full-size 3-D ACRNN on Emo-DB UAR 67.9, where the recipe `tuned` in all folds has 75.0: the best of many noisy
epochs favors the recipe `literal` (experiments/results/nested_emodb_chen2018-3d/nested.md). Trains nothing; a few seconds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import files, recipes
from acrnn.console import run_job
from acrnn.crossval.results import Results, read_results
from acrnn.crossval.run import Run
from acrnn.crossval.summary import summarize
from acrnn.errors import FieldError
from acrnn.reports import study_tables
from acrnn.reports.comparison import validation_uar
from acrnn.reports.study_tables import COVERAGE, FIGURE_4, UAR_BY_FOLD, UAR_POOLED, VALIDATION_UAR, column
from acrnn.reports.tables import markdown, percent, percent_interval, system_title

RESULTS = Path(__file__).parent / "results"
NESTED = "nested selection"
FILE = "nested.md"
_COLUMNS = (
    UAR_BY_FOLD,
    column("its 95 % interval", lambda results: percent_interval(results.overall.uar_fold_mean_interval)),
    FIGURE_4,
    UAR_POOLED,
    VALIDATION_UAR,
    COVERAGE,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folder of a finished experiment")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="Markdown page to write")
    options = parser.parse_args(argv)
    return run_job(lambda: run(options.folders, options.output), parser)


def run(folders: Sequence[Path], output: Path) -> int:
    """Writes and prints the page about the experiments in some folders; returns the exit status."""
    text = page(named(folders))
    files.make_folder(output.parent)
    files.write_text(output, text)
    print(text)
    return 0


def named(folders: Iterable[Path]) -> dict[str, Results]:
    """Reads results by the name of the recipe, or by the name of the folder where recipes have no names of their own.

    Raises:
        FileNotFoundError, ValueError: see `read_results`.
    """
    results = {folder: read_results(folder) for folder in folders}
    by_recipe = {recipes.name_of(each.settings.recipe_fields): each for each in results.values()}
    if len(by_recipe) == len(results) and "changed" not in by_recipe:
        return by_recipe
    by_folder = {folder.name: each for folder, each in results.items()}
    return by_folder if len(by_folder) == len(results) else {str(folder): each for folder, each in results.items()}


def comparable(candidates: Mapping[str, Results]) -> dict[str, Results]:
    """Returns the candidates restricted to the folds and seeds that all of them have.

    Raises:
        FieldError: fewer than two candidates, or candidates of different systems, labels or folds, with a leak, predicted at several
            speeds, or without a common run.
    """
    if len(candidates) < 2:
        raise FieldError("folders", ", ".join(candidates), "a selection needs two experiments")
    first = next(iter(candidates.values())).settings
    for name, results in candidates.items():
        for key in ("model", "labels", "protocol", "split_sha256"):
            if (value := getattr(results.settings, key)) != (expected := getattr(first, key)):
                raise FieldError("folders", name, f"its {key} is {value}, that of the first experiment {expected}")
        if results.settings.mistake:
            raise FieldError("folders", name, f"it leaks on purpose ({results.settings.mistake})")
        if results.settings.test_speeds:
            problem = "its validation UARs are of one speed, its test UARs of several; name the experiment that trained the networks"
            raise FieldError("folders", name, problem)
    common = set.intersection(*({(run.fold, run.seed) for run in each.runs} for each in candidates.values()))
    if not common:
        raise FieldError("folders", ", ".join(candidates), "they have no finished fold in common")
    return {
        name: with_runs(results, [run for run in results.runs if (run.fold, run.seed) in common])
        for name, results in candidates.items()
    }


def with_runs(results: Results, runs: Sequence[Run]) -> Results:
    """Returns results with other runs, and their summary."""
    return replace(results, runs=tuple(runs), overall=summarize(runs, results.settings.labels, results.planned_folds))


def selected(candidates: Mapping[str, Results]) -> dict[int, str]:
    """Returns the name of the selected candidate of each fold; test utterances play no part in it.

    Args:
        candidates: results by name, with the same folds and seeds; of candidates that are equal the first is selected.
    """
    folds = sorted({run.fold for results in candidates.values() for run in results.runs})
    return {fold: max(candidates, key=lambda name: _key(candidates[name], fold)) for fold in folds}


def _key(results: Results, fold: int) -> tuple[float, float]:
    """Key of the selection, larger is better: validation UAR, then a lower validation loss, each the mean over seeds."""
    keys = [run.curve[run.best_epoch - 1].selection_key for run in results.runs if run.fold == fold]
    uar, negative_loss = np.mean(keys, axis=0)
    return round(float(uar), 12), float(negative_loss)


def composed(candidates: Mapping[str, Results], choices: Mapping[int, str]) -> Results:
    """Returns the results of a selection: in each fold the runs of its candidate."""
    first = next(iter(candidates.values()))
    return with_runs(
        first, [run for fold, name in choices.items() for run in candidates[name].runs if run.fold == fold]
    )


def page(candidates: Mapping[str, Results]) -> str:
    """Returns the page of a selection as Markdown.

    Raises:
        FieldError: see `comparable`.
    """
    candidates = comparable(candidates)
    choices = selected(candidates)
    results = {NESTED: composed(candidates, choices), **candidates}
    settings = results[NESTED].settings
    columns, caption = study_tables.columns_and_caption(settings.corpus.name, _COLUMNS)
    parts = [
        f"# Nested selection: {system_title(settings)} on {settings.corpus.name}",
        f"In every fold of {settings.protocol} one of {len(candidates)} recipes is selected by the fold's validation speakers "
        "alone: by the validation UAR of the selected checkpoint, of equal ones by the lower validation loss. The test part of "
        "this recipe counts. The other rows have one recipe in all folds. The selection does not make up for a list of "
        f"candidates that was itself developed on these speakers.{_epoch_note(candidates)}{_differing_records(candidates)}",
        caption,
        study_tables.results_table(results, columns, first="recipe"),
        study_tables.comparison_table(results, [(NESTED, name) for name in candidates], has_verdict=True),
        "Selection in each fold; validation UAR by recipe, in percent:",
        _choices_table(candidates, choices, results[NESTED]),
    ]
    return study_tables.page(parts)


def _epoch_note(candidates: Mapping[str, Results]) -> str:
    """A sentence about candidates with and without checkpoint selection; empty where all are alike."""
    last = [name for name, each in candidates.items() if each.settings.recipe.epoch_choice == "last"]
    best = [name for name in candidates if name not in last]
    if not (last and best):
        return ""
    return (
        f" The validation UAR of {', '.join(best)} is the best of many epochs, that of {', '.join(last)} is of the last epoch: "
        "the selection favors the former."
    )


def _differing_records(candidates: Mapping[str, Results]) -> str:
    """A sentence about candidates with other records than most; empty where all have the same."""
    hashes = [each.settings.records_sha256 for each in candidates.values()]
    usual = max(hashes, key=hashes.count)
    names = [name for name, each in candidates.items() if each.settings.records_sha256 != usual]
    return (
        f" Same utterances and folds, but segments or features of another version: {', '.join(names)}." if names else ""
    )


def _choices_table(candidates: Mapping[str, Results], choices: Mapping[int, str], nested: Results) -> str:
    by_recipe = {name: validation_uar(results) for name, results in candidates.items()}
    rows = []
    for fold, choice in choices.items():
        runs = [run for run in nested.runs if run.fold == fold]
        test_uar = percent(float(np.mean([run.uar for run in runs])))
        validation = [percent(uars[runs[0].fold_name]) for uars in by_recipe.values()]
        rows.append([runs[0].fold_name, " ".join(runs[0].validation_speakers), *validation, choice, test_uar])
    return markdown(["test part", "validation speakers", *candidates, "selected", "its test UAR"], rows)


if __name__ == "__main__":
    sys.exit(main())
