"""Results as text: Markdown tables, their cells, and a short summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from acrnn import metrics, recipes
from acrnn.crossval.results import Results, read_results
from acrnn.crossval.settings import Settings
from acrnn.progress import duration
from acrnn.recipes import initial_weights
from acrnn.reports import published

SPREAD = "± is the sample standard deviation over folds"
CAPTION = f"In percent; {SPREAD}. {metrics.INTERVALS}."


def percent(value: float | None, digits: int = 1) -> str:
    """A share as percent; a dash where it is undefined."""
    return "–" if value is None or np.isnan(value) else f"{100 * value:.{digits}f}"


def percent_interval(bounds: Sequence[float] | None) -> str:
    """An interval in percent, or "no interval" where there are too few speakers or folds."""
    return "no interval" if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def coverage(results: Results) -> str:
    """The finished part of the protocol: "10 of 10 folds × 3 seeds"."""
    part = results.overall.coverage
    seeds = "1 seed" if part.seeds == 1 else f"{part.seeds} seeds"
    missing = "" if part.runs == part.folds * part.seeds else f" ({part.runs} runs so far)"
    return f"{part.folds} of {results.planned_folds} folds × {seeds}{missing}"


def summary(results: Results) -> str:
    """The results in a few lines of text."""
    overall, settings = results.overall, results.settings
    lines = [
        f"{system_title(settings)} on {settings.corpus.name}, {settings.protocol}: {coverage(results)}",
        f"  UAR  {percent(overall.uar_fold_mean)} ± {percent(overall.uar_fold_std)} (mean over folds)",
        f"  UAR  {percent(overall.uar_pooled)} pooled, interval {percent_interval(overall.uar_pooled_interval)}",
        f"  WA   {percent(overall.wa)}; chance UAR is {percent(1 / len(settings.labels))}",
        "  recall " + ", ".join(f"{row.emotion} {percent(row.recall, 0)}" for row in overall.per_class),
    ]
    lines.append(f"  {SPREAD}; {metrics.INTERVALS}")
    if figure := published.uar(settings):
        lines.append(f"  published: UAR {figure}")
    return "\n".join(lines)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ["---"] * len(header), *rows])


def markdown_table(folders: Iterable[Path]) -> str:
    """Results of several experiments as a Markdown table below its caption, beside the published figures."""
    header = [
        "corpus",
        "system",
        "recipe",
        "UAR, mean over folds",
        "UAR, pooled (95 % interval)",
        "WA",
        "published UAR",
        "coverage",
        "training",
    ]
    return f"{CAPTION}\n\n{markdown(header, [_result_row(read_results(folder)) for folder in folders])}"


def _result_row(results: Results) -> list[str]:
    overall, settings = results.overall, results.settings
    figure = published.uar(settings)
    return [
        f"{settings.corpus.name} {settings.corpus.subset or ''}".strip(),
        f"{system_title(settings)}, {settings.protocol}",
        recipes.name_of(settings.recipe_fields),
        *uar_cells(results),
        percent(overall.wa),
        "–" if figure is None else str(figure),
        coverage(results),
        f"{trained(settings)}, {duration(overall.seconds)} of runs",
    ]


def uar_cells(results: Results) -> list[str]:
    """Table cells with both averages of the UAR: mean over folds ± sample standard deviation, and pooled with its interval."""
    overall = results.overall
    return [
        f"{percent(overall.uar_fold_mean)} ± {percent(overall.uar_fold_std)}",
        f"{percent(overall.uar_pooled)} ({percent_interval(overall.uar_pooled_interval)})",
    ]


def trained(settings: Settings) -> str:
    """Largest number of epochs of each training stage, and the arithmetic precision."""
    epochs = " + ".join(str(stage.epochs) for stage in settings.recipe.stages)
    return f"{epochs} epochs, {settings.recipe.precision}"


def system_title(settings: Settings) -> str:
    """Name of the system with its deviations: a leak, the depth, a reduced network, initial weights, speeds."""
    leak = f"LEAKS ({settings.mistake}): " if settings.mistake else ""
    depth = settings.network_fields.get("conv_layers")
    parts = [f"{leak}{settings.model}"]
    parts += [] if depth is None else [f"{depth} conv"]
    parts += [] if published.full_size(settings) else ["reduced network"]
    parts += [initial_weights.TITLES[settings.initial_weights_kind]] if settings.initial_weights_kind else []
    parts += [f"×{len(settings.speeds)}"] if settings.speeds else []
    return ", ".join(parts)
