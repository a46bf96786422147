"""What a search found: as text, as a figure beside Table I of Chen et al. (2018), and its best as a recipe to train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from acrnn import files, recipes, reports
from acrnn.crossval.settings import Settings
from acrnn.progress import duration
from acrnn.recipes import Recipe
from acrnn.reports import published
from acrnn.tuning.search import Values, configured, read_tuning, title

FIGURE = "depth.png"


def summary(found: dict) -> str:
    """A search as text: how much of it is done, a Markdown table of its trials, what its figures are."""
    part, settings = found["coverage"], found["settings"]
    seeds = "1 seed" if part["seeds"] == 1 else f"{part['seeds']} seeds"
    names = list(found["plan"]["space"])
    header = [*names, "validation UAR (95 % interval)", "published test UAR", "fits", "time"]
    return "\n".join(
        [
            f"{settings['model']} on {settings['corpus']['name']}, {settings['protocol']}, {settings['search']} search: "
            f"{part['trials']} of {part['planned']} trials, {part['folds']} of {part['of_folds']} folds × {seeds}",
            reports.markdown(header, [_cells(found, row, names) for row in found["trials"]]),
            f"best: {outcome(found['best'])}" if found["best"] else "no trial is complete",
            "Ours is on validation speakers, who also choose the epoch, the published on test speakers: not like for like.",
        ]
    )


def _cells(found: dict, row: dict, names: Sequence[str]) -> list[str]:
    values, known = row["hyperparameters"], _published(found, row)
    reached = f"{reports.percent(row['validation_uar'])} ({reports.percent_interval(row['validation_uar_interval'])})"
    return [
        *(f"{values[name]}" for name in names),
        f"failed: {row['errors'][0]}" if row["errors"] else reached,
        "–" if known is None else known.cell(),
        f"{row['coverage']['fits']} of {row['coverage']['planned']}"
        + (f", {values['epochs']} epochs" if "epochs" in values else ""),
        duration(row["seconds"]),
    ]


def _published(found: dict, row: dict) -> published.Figure | None:
    settings = {key: value for key, value in found["settings"].items() if key not in ("search", "searched")}
    network = {**settings["network"], "conv_layers": row["hyperparameters"]["conv_layers"]}
    return published.uar(Settings.from_dict({**settings, "network": network}))


def outcome(row: dict) -> str:
    """What a trial came to, in a line."""
    if row["errors"]:
        return f"failed, {row['errors'][0]}"
    return f"{title(row['hyperparameters'])}: validation UAR {reports.percent(row['validation_uar'])}"


def write_figure(folder: Path, found: dict) -> None:
    """Writes depth.png: of each depth the best complete trial, beside Table I; nothing while there is none."""
    from acrnn import figures

    points: dict[int, dict] = {}
    complete = [row for row in found["trials"] if row["status"] == "complete" and row["validation_uar"] is not None]
    for row in sorted(complete, key=lambda row: row["validation_uar"]):
        points[row["hyperparameters"]["conv_layers"]] = {
            "uar": row["validation_uar"],
            "interval": row["validation_uar_interval"],
            "published": _published(found, row),
        }
    if points:
        figures.write_png(figures.depths(points, "validation"), folder / FIGURE)


@dataclass(frozen=True)
class Best:
    """What a search found best, ready to be trained: the system, its split, and a recipe that holds the network too."""

    model: str
    corpus: str
    protocol: str
    recipe: Recipe
    hyperparameters: Values
    folder: Path


def best(folders: Sequence[Path]) -> Best:
    """The best of some finished searches by validation UAR.

    Raises:
        FileNotFoundError, ValueError: there is none, one is not finished, or they cannot be compared; the message names
            the folder and the remedy.
    """
    found = {folder: read_tuning(folder) for folder in folders}
    for folder, content in found.items():
        _check_finished(folder, content)
    kinds = {files.sha256_of_json([_compared(content)]) for content in found.values()}
    if len(kinds) > 1:
        raise ValueError(
            f"{', '.join(str(folder) for folder in found)}: searches over other folds or seeds cannot be compared; "
            "name one with --tuning"
        )
    folder = max(found, key=lambda folder: found[folder]["best"]["validation_uar"])
    settings, values = found[folder]["settings"], found[folder]["best"]["hyperparameters"]
    recipe = recipes.from_dict(settings["recipe"])
    recipe = configured(replace(recipe, network={**recipe.network, **found[folder]["options"]}), values)
    return Best(settings["model"], settings["corpus"]["name"], settings["protocol"], recipe, values, folder)


def _check_finished(folder: Path, content: dict) -> None:
    part = content["coverage"]
    if not content["is_complete"]:
        raise ValueError(
            f"{folder}: {part['trials']} of {part['planned']} trials are done; go on with the command of the search "
            "(python experiments/tune_depth.py), or name another one with --tuning"
        )
    if content["best"] is None:
        raise ValueError(f"{folder}: none of its {part['trials']} trials is complete; search again with other values")


def _compared(content: dict) -> list:
    """What two searches share whose validation UARs can be compared."""
    settings, plan = content["settings"], content["plan"]
    return [settings["records_sha256"], settings["split_sha256"], plan["folds"], plan["seeds"]]
