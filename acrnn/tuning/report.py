"""Results of a search as text and as a figure beside Table I of Chen et al. (2018), and its best configuration as a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acrnn import files, metrics
from acrnn.models.published import Figure
from acrnn.progress import duration
from acrnn.recipes import Recipe
from acrnn.reports import published
from acrnn.reports.tables import markdown, percent, percent_interval
from acrnn.tuning.results import SearchResults, Trial, Values, read_tuning
from acrnn.tuning.search import configured, title

FIGURE = "depth.png"


def summary(results: SearchResults) -> str:
    """A search as text: its coverage, a Markdown table of its trials, and the best trial."""
    part, settings, names = results.coverage, results.settings, list(results.plan.space)
    seeds = "1 seed" if part.seeds == 1 else f"{part.seeds} seeds"
    header = [*names, "validation UAR (95 % interval)", "published test UAR", "fits", "time"]
    return "\n".join(
        [
            f"{settings.model} on {settings.corpus.name}, {settings.protocol}, {results.search} search: "
            f"{part.trials} of {part.planned} trials, {part.folds} of {part.of_folds} folds × {seeds}",
            markdown(header, [_cells(results, trial, names) for trial in results.trials]),
            f"best: {outcome(results.best)}" if results.best else "no trial is complete",
            f"Intervals: Student's t over folds, {100 * metrics.LEVEL:g} %. Our UAR is on validation speakers, which also select the "
            "epoch; the published UAR is on test speakers. They are not directly comparable.",
        ]
    )


def _cells(results: SearchResults, trial: Trial, names: Sequence[str]) -> list[str]:
    values, figure = trial.hyperparameters, _published(results, trial)
    score = f"{percent(trial.validation_uar)} ({percent_interval(trial.validation_uar_interval)})"
    epochs = f", {values['epochs']} epochs" if "epochs" in values else ""
    return [
        *(f"{values[name]}" for name in names),
        f"failed: {trial.errors[0]}" if trial.errors else score,
        "–" if figure is None else figure.cell(),
        f"{trial.coverage.fits} of {trial.coverage.planned}{epochs}",
        duration(trial.seconds),
    ]


def _published(results: SearchResults, trial: Trial) -> Figure | None:
    network = {**results.settings.network_fields, "conv_layers": trial.hyperparameters["conv_layers"]}
    return published.uar(replace(results.settings, network_fields=network))


def outcome(trial: Trial) -> str:
    """The outcome of a trial in a line."""
    if trial.errors:
        return f"failed, {trial.errors[0]}"
    return f"{title(trial.hyperparameters)}: validation UAR {percent(trial.validation_uar)}"


def write_figure(folder: Path, results: SearchResults) -> None:
    """Writes depth.png: the best complete trial of each depth, beside Table I; nothing while no trial is complete."""
    from acrnn import figures

    points: dict[int, figures.Point] = {}
    complete = [trial for trial in results.trials if trial.status == "complete" and trial.validation_uar is not None]
    for trial in sorted(complete, key=lambda trial: trial.validation_uar):
        points[trial.hyperparameters["conv_layers"]] = figures.Point(
            trial.validation_uar, trial.validation_uar_interval, _published(results, trial)
        )
    if points:
        figures.write_png(figures.depths(points, "validation"), folder / FIGURE)


@dataclass(frozen=True)
class Best:
    """The best configuration of a search, ready to be trained.

    Attributes:
        model: key of the system.
        corpus: name of the corpus.
        protocol: key of the protocol.
        recipe: recipe with the hyper-parameters, those of the network included.
        hyperparameters: the hyper-parameters.
        folder: folder of the search.
    """

    model: str
    corpus: str
    protocol: str
    recipe: Recipe
    hyperparameters: Values
    folder: Path


def best(folders: Sequence[Path]) -> Best:
    """The best configuration of some finished searches by validation UAR.

    Raises:
        FileNotFoundError, ValueError: a folder has no search, a search is not finished, or the searches cannot be compared;
            the message names the folder and the remedy.
    """
    searches = {folder: read_tuning(folder) for folder in folders}
    for folder, results in searches.items():
        _check_finished(folder, results)
    if len({files.sha256_of_json(_comparable(results)) for results in searches.values()}) > 1:
        raise ValueError(
            f"{', '.join(str(folder) for folder in searches)}: searches over different folds or seeds cannot be compared; "
            "choose one of them"
        )
    folder = max(searches, key=lambda folder: searches[folder].best.validation_uar)
    settings, values = searches[folder].settings, searches[folder].best.hyperparameters
    recipe = replace(settings.recipe, network={**settings.recipe.network, **searches[folder].options})
    return Best(settings.model, settings.corpus.dataset, settings.protocol, configured(recipe, values), values, folder)


def _check_finished(folder: Path, results: SearchResults) -> None:
    part = results.coverage
    if not results.is_complete:
        raise ValueError(
            f"{folder}: {part.trials} of {part.planned} trials are done; go on with the command of the search "
            "(acrnn tune), or choose another search"
        )
    if results.best is None:
        raise ValueError(f"{folder}: none of its {part.trials} trials is complete; search again with other values")


def _comparable(results: SearchResults) -> list:
    """The values in which two searches with comparable validation UARs agree."""
    return [results.settings.records_sha256, results.settings.split_sha256, results.plan.folds, results.plan.seeds]
