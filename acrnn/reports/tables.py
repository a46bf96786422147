"""Results as text: Markdown tables, their cells, and a short summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from acrnn import metrics, recipes
from acrnn.baselines import BASELINES
from acrnn.batches.speaker_statistics import CORPUS
from acrnn.crossval.results import Results, read_results
from acrnn.crossval.settings import Settings
from acrnn.models.chen2018.published import FIGURE_4_SPEAKERS
from acrnn.progress import duration
from acrnn.recipes import initial_weights
from acrnn.reports import published

# Title of the column `figure_4`, and its explanation.
FIGURE_4_TITLE = f"speakers {FIGURE_4_SPEAKERS[0]}–{FIGURE_4_SPEAKERS[-1]}"
FIGURE_4_NOTE = (
    f"*{FIGURE_4_TITLE[0].upper()}{FIGURE_4_TITLE[1:]}*: mean over these four folds, ± their sample standard deviation; inferred "
    "to be the speakers of Figure 4 of Chen et al. (2018)"
)
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


def figure_4(results: Results) -> str | None:
    """Mean over the folds of the speakers of Figure 4 of Chen et al. (2018) ± sample standard deviation, in percent.

    A dash where an experiment on Emo-DB has not tested each of them in a fold of its own; None for another corpus.
    """
    if results.settings.corpus.name != "emodb":
        return None
    by_speaker: dict[str, list[float]] = {}
    folds: dict[str, set[int]] = {}
    for run in results.runs:
        if len(run.test_speakers) == 1 and run.test_speakers[0] not in run.train_speakers:
            by_speaker.setdefault(run.test_speakers[0], []).append(run.uar)
            folds.setdefault(run.test_speakers[0], set()).add(run.fold)
    # the protocols by sentence test a speaker in two folds
    if any(len(folds.get(speaker, ())) != 1 for speaker in FIGURE_4_SPEAKERS):
        return "–"
    uars = [np.mean(by_speaker[speaker]) for speaker in FIGURE_4_SPEAKERS]
    return f"{percent(np.mean(uars))} ± {percent(np.std(uars, ddof=1))}"


def summary(results: Results) -> str:
    """The results in a few lines of text."""
    overall, settings = results.overall, results.settings
    bounds = overall.uar_pooled_interval
    if overall.uar_fold_std is None:
        by_fold = f"{percent(overall.uar_fold_mean)} (one fold)"
    else:
        by_fold = f"{percent(overall.uar_fold_mean)} ± {percent(overall.uar_fold_std)} (mean over folds)"
    lines = [
        f"{system_title(settings)} on {settings.corpus.name}, {settings.split_title}: {coverage(results)}",
        f"  UAR  {by_fold}",
        f"  UAR  {percent(overall.uar_pooled)} pooled, {'interval ' if bounds else ''}{percent_interval(bounds)}",
        f"  WA   {percent(overall.wa)}; chance UAR is {percent(1 / len(settings.labels))}",
        "  recall " + ", ".join(f"{row.emotion} {percent(row.recall, 0)}" for row in overall.per_class),
    ]
    if overall.uar_fold_std is not None:
        lines.append(f"  {SPREAD}; {metrics.INTERVALS}")
    if figure := published.uar(settings):
        lines.append(f"  published: UAR {figure}")
    return "\n".join(lines)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ["---"] * len(header), *rows])


def markdown_table(folders: Iterable[Path]) -> str:
    """Results of several experiments as a Markdown table below its caption, beside the published figures."""
    rows = [_result_row(read_results(folder)) for folder in folders]
    has_figure_4 = any(row[FIGURE_4_TITLE] is not None for row in rows)
    header = [name for name in rows[0] if has_figure_4 or name != FIGURE_4_TITLE] if rows else []
    cells = [["–" if row[name] is None else row[name] for name in header] for row in rows]
    caption = f"{CAPTION} {FIGURE_4_NOTE}." if has_figure_4 else CAPTION
    return f"{caption}\n\n{markdown(header, cells)}"


def _result_row(results: Results) -> dict[str, str | None]:
    """Cells of a row by the title of their column; None where a figure does not exist."""
    overall, settings = results.overall, results.settings
    figure, (by_fold, pooled) = published.uar(settings), uar_cells(results)
    return {
        "corpus": f"{settings.corpus.name} {settings.corpus.subset or ''}".strip(),
        "system": f"{system_title(settings)}, {settings.split_title}",
        "recipe": recipe_name(settings) or "–",
        "UAR, mean over folds": by_fold,
        FIGURE_4_TITLE: figure_4(results),
        "UAR, pooled (95 % interval)": pooled,
        "WA": percent(overall.wa),
        "published UAR": None if figure is None else str(figure),
        "coverage": coverage(results),
        "training": f"{trained(settings)}, {duration(overall.seconds)} of runs",
    }


def uar_cells(results: Results) -> list[str]:
    """Table cells with both averages of the UAR: mean over folds ± sample standard deviation, and pooled with its interval."""
    overall = results.overall
    return [
        f"{percent(overall.uar_fold_mean)} ± {percent(overall.uar_fold_std)}",
        f"{percent(overall.uar_pooled)} ({percent_interval(overall.uar_pooled_interval)})",
    ]


def recipe_name(settings: Settings) -> str | None:
    """Name of the recipe, or "changed"; None for a fusion, whose members have their recipes, and for a classical baseline."""
    return None if settings.fusion or settings.baseline else recipes.name_of(settings.recipe_fields)


def recipe_title(settings: Settings) -> str | None:
    """Recipe in words, as `recipes.title_of` states it, or "classical baseline"; None for a fusion."""
    if settings.baseline:
        return "classical baseline"
    return None if settings.fusion else recipes.title_of(settings.recipe_fields)


def trained(settings: Settings) -> str:
    """Length of training as `Recipe.length` states it, and the precision; selection of a baseline; a fusion trains nothing."""
    if settings.baseline:
        return f"{settings.baseline['kernel']} kernel, {settings.baseline['selection']}"
    return "trained networks" if settings.fusion else f"{settings.recipe.length}, {settings.recipe.precision}"


def listed_speeds(speeds: Iterable[float]) -> str:
    """Names the speeds of a prediction, for titles and sentences: "the speeds 0.9, 1, 1.1"."""
    return "the speeds " + ", ".join(f"{speed:g}" for speed in speeds)


def _system_name(settings: Settings) -> str:
    """Title of a classical baseline; key in MODELS of a network."""
    return BASELINES[settings.model].title if settings.baseline else settings.model


def system_title(settings: Settings) -> str:
    """Name of the system with its deviations: a leak, the depth, a reduced network, fields other than the recipe's, initial weights,
    trimming, speeds, statistics, speeds of the prediction."""
    if settings.fusion:
        members = [
            f"{len(seeds)} seeds of {each['title']}" if len(seeds := each.get("seeds", [])) > 1 else each["title"]
            for each in settings.fusion["members"]
        ]
        return f"fusion of {settings.num_models} models ({' + '.join(members)})"
    leak = f"LEAKS ({settings.mistake}): " if settings.mistake else ""
    depth = settings.network_fields.get("conv_layers")
    parts = [f"{leak}{_system_name(settings)}"]
    parts += [] if depth is None else [f"{depth} conv"]
    parts += [] if published.full_size(settings) else ["reduced network"]
    parts += recipes.network_changes(settings.config, settings.recipe_fields) if settings.recipe_fields else []
    parts += [initial_weights.title(settings.initial_weights)] if settings.initial_weights else []
    parts += [f"jointly with {settings.joint['corpus']}"] if settings.joint else []
    parts += ["trained on the validation speakers too"] if settings.train_on_validation else []
    trim_db = settings.frontend_fields.get("trim_db")
    parts += [] if trim_db is None else [f"trimmed at {trim_db:g} dB"]
    parts += [f"×{len(settings.speeds)}"] if settings.speeds else []
    parts += [settings.normalized_by.title] if settings.speaker_statistics != CORPUS else []
    parts += [f"predicted at {listed_speeds(settings.test_speeds)}"] if settings.test_speeds else []
    return ", ".join(parts)
