"""Results → a short summary, one self-contained HTML report with its figures, and the table in the README."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from acrnn import files, recipes
from acrnn.console import import_quietly
from acrnn.crossval import RESULTS
from acrnn.progress import duration
from acrnn.recipes import initial_weights
from acrnn.records import RecordSet
from acrnn.reports import published

_DPI = 90


def read_results(folder: Path) -> dict:
    """The results of a folder.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the file is damaged or no results file.
    """
    path = folder / RESULTS
    found = files.read_sealed_json(path, "give the command of the experiment again")
    if found.get("format") != "acrnn-results":
        raise ValueError(f"{path}: not a results file of this package; choose the folder of an experiment")
    return found


def percent(value: float | None, digits: int = 1) -> str:
    """A share as percent; a dash where it is undefined."""
    return "–" if value is None or np.isnan(value) else f"{100 * value:.{digits}f}"


def coverage(found: dict) -> str:
    """How much of the protocol the results cover."""
    part = found["overall"]["coverage"]
    seeds = "1 seed" if part["seeds"] == 1 else f"{part['seeds']} seeds"
    missing = "" if part["runs"] == part["folds"] * part["seeds"] else f" ({part['runs']} runs so far)"
    return f"{part['folds']} of {found['planned_folds']} folds × {seeds}{missing}"


def percent_interval(bounds: Sequence[float] | None) -> str:
    """An interval in percent; says so where a single speaker or fold gives none."""
    return "no interval" if bounds is None else f"{percent(bounds[0])} to {percent(bounds[1])}"


def summary(found: dict) -> str:
    """The result in a few lines of text."""
    overall, settings = found["overall"], found["settings"]
    lines = [
        f"{_system(settings)} on {settings['corpus']['name']}, {settings['protocol']}: {coverage(found)}",
        f"  UAR  {percent(overall['uar_fold_mean'])} ± {percent(overall['uar_fold_std'])} (mean over folds)",
        f"  UAR  {percent(overall['uar_pooled'])} pooled, 95 % interval: {percent_interval(overall['uar_pooled_interval'])}",
        f"  WA   {percent(overall['wa'])}; chance UAR is {percent(1 / len(settings['labels']))}",
        "  recall " + ", ".join(f"{row['emotion']} {percent(row['recall'], 0)}" for row in overall["per_class"]),
    ]
    if (known := _published(settings)) is not None:
        lines.append(f"  published: {known}")
    return "\n".join(lines)


def _published(settings: dict) -> str | None:
    known = published.uar(settings)
    return None if known is None else f"UAR {known}"


def markdown_table(folders: Iterable[Path]) -> str:
    """Results of several experiments as a Markdown table, the published figures beside ours."""
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
    return markdown(header, [_result_row(read_results(folder)) for folder in folders])


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, ["---"] * len(header), *rows])


def _result_row(found: dict) -> list[str]:
    overall, settings = found["overall"], found["settings"]
    known = published.uar(settings)
    return [
        f"{settings['corpus']['name']} {settings['corpus']['subset'] or ''}".strip(),
        f"{_system(settings)}, {settings['protocol']}",
        recipes.name_of(settings["recipe"]),
        *uar_cells(found),
        percent(overall["wa"]),
        "–" if known is None else str(known),
        coverage(found),
        f"{trained(settings)}, {duration(overall['seconds'])} of runs",
    ]


def trained(settings: Mapping) -> str:
    """How long an experiment trains at most, by stage, and how precisely."""
    recipe = settings["recipe"]
    later = [recipe["second_stage"]["epochs"]] if "second_stage" in recipe else []
    return f"{' + '.join(str(epochs) for epochs in [recipe['epochs'], *later])} epochs, {recipe['precision']}"


def uar_cells(found: dict) -> list[str]:
    """Both averages of the UAR in the cells of a table: mean over folds ± deviation, and pooled with its interval."""
    overall = found["overall"]
    return [
        f"{percent(overall['uar_fold_mean'])} ± {percent(overall['uar_fold_std'])}",
        f"{percent(overall['uar_pooled'])} ({percent_interval(overall['uar_pooled_interval'])})",
    ]


def _system(settings: dict) -> str:
    """A system's name, with its depth where that is what the paper sweeps; a leak, a smaller network and a start are told."""
    depth, speeds = settings["network"].get("conv_layers"), len(settings.get("speeds", ()))
    size = "" if published.full_size(settings) else ", reduced network"
    start = f", {initial_weights.TITLES[settings['start']['kind']]}" if "start" in settings else ""
    leak = f"LEAKS ({settings['mistake']}): " if settings.get("mistake") else ""
    return (
        f"{leak}{settings['model']}"
        + ("" if depth is None else f", {depth} conv")
        + size
        + start
        + (f", ×{speeds}" if speeds else "")
    )


def write_report(folder: Path, records: Path | None = None) -> Path:
    """Writes report.html, and its figures as PNG files, beside the results; returns the report's path.

    Args:
        folder: an experiment's folder with results.json.
        records: its record set, for the spectrograms under the attention; None leaves that figure out.
    """
    import jinja2

    found = read_results(folder)
    shown = []
    for title, name, caption, figure in _figures(found, records):
        png = write_png(figure, folder / f"{name}.png")
        shown.append({"title": title, "caption": caption, "png": base64.b64encode(png).decode()})
    environment = jinja2.Environment(loader=jinja2.PackageLoader("acrnn"), autoescape=True)
    html = environment.get_template("report.html.j2").render(
        title=f"{_system(found['settings'])} on {found['settings']['corpus']['title']}",
        coverage=f"{found['settings']['protocol']}, {coverage(found)}; the runs took {duration(found['overall']['seconds'])} in all",
        headline=_headline(found["overall"]),
        published=_published(found["settings"]),
        figures=shown,
        tables=_tables(found),
        settings=_settings(found),
    )
    files.write_text(folder / "report.html", html)
    return folder / "report.html"


def write_png(figure, path: Path) -> bytes:
    """Writes a figure as a PNG file and returns its bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    with files.atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return buffer.getvalue()


def _figures(found: dict, records: Path | None) -> Iterable[tuple]:
    from acrnn import figures

    overall, labels = found["overall"], found["settings"]["labels"]
    yield "Confusion", "confusion", "All test utterances of all runs.", figures.confusion(overall["confusion"], labels)
    yield (
        "Speakers",
        "speakers",
        "Recall averaged over the classes the speaker has; a class of one utterance counts as much as one of fifteen.",
        figures.speakers(overall["per_speaker"], overall["uar_fold_mean"]),
    )
    yield (
        "Learning curves",
        "learning_curves",
        "The epoch is chosen by the UAR of the validation speakers; the test part is predicted once, after that.",
        figures.learning_curves(found["runs"]),
    )
    examples = _attention_examples(found, _records_of(found, records)) if records else []
    if examples:
        caption = (
            "One test utterance a class that was recognized; the static log-Mels with the attention weights (Eq. 4)."
        )
        yield "Attention", "attention", caption, figures.attention(examples)


def _records_of(found: dict, folder: Path) -> RecordSet:
    """The record set in a folder, if it is the one of the results, undamaged."""
    record_set = RecordSet(folder)
    if record_set.manifest.content_sha256 != found["settings"]["records_sha256"]:
        raise ValueError(f"{folder}: other records than those of the results; leave --records out, or name theirs")
    record_set.verify()
    import_quietly("tensorflow")
    return record_set


def _attention_examples(found: dict, records: RecordSet) -> list[dict]:
    """For every class, the first recognized test utterance with its spectrogram and attention, cut to real frames."""
    rows = {row.id: row for row in records.utterances}
    chosen: dict[int, tuple] = {}
    for run in found["runs"]:
        for item in run["attention"]:
            row = rows.get(item["utterance"])
            if row and row.label not in chosen:
                chosen[row.label] = row, item["weights"]
    order = {row.id: number for number, row in enumerate(records.utterances)}
    examples = []
    for label in sorted(chosen):
        row, weights = chosen[label]
        parts = list(records.dataset([order[row.id]]).as_numpy_iterator())
        starts = records.manifest.rule.starts(row.num_frames)
        examples.append(
            {
                "title": f"{row.emotion}: {row.id} (speaker {row.speaker})",
                "log_mel": _laid_out([part["features"][: part["num_frames"], :, 0] for part in parts], starts),
                "weights": _laid_out(_by_frame(weights, parts), starts),
                "hop_seconds": records.manifest.frontend.hop_seconds,
            }
        )
    return examples


def _by_frame(weights: Sequence[Sequence[float]], parts: Sequence[dict]) -> list[np.ndarray]:
    """Attention by frame, 1 where it is even: weights sum to one within a segment, so a short one's are scaled down."""
    by_frame = []
    for segment, part in zip(weights, parts, strict=True):
        repeated = np.repeat(segment, -(-len(part["features"]) // len(segment)))[: part["num_frames"]]
        by_frame.append(repeated / repeated.mean())
    return by_frame


def _laid_out(parts: Sequence[np.ndarray], starts: Sequence[int]) -> np.ndarray:
    """Segments at their places in the utterance; a later one covers an earlier one, NaN where there is none."""
    end = max(start + len(part) for start, part in zip(starts, parts, strict=True))
    whole = np.full((end, *parts[0].shape[1:]), np.nan)
    for start, part in zip(starts, parts, strict=True):
        whole[start : start + len(part)] = part
    return whole


def _headline(overall: dict) -> list[tuple[str, str, str]]:
    return [
        (
            "UAR, mean over folds",
            f"{percent(overall['uar_fold_mean'])} %",
            f"± {percent(overall['uar_fold_std'])} between folds, interval "
            + percent_interval(overall["uar_fold_mean_interval"]),
        ),
        (
            "UAR, pooled",
            f"{percent(overall['uar_pooled'])} %",
            f"interval {percent_interval(overall['uar_pooled_interval'])}",
        ),
        ("WA", f"{percent(overall['wa'])} %", "share of utterances that are right"),
    ]


def _tables(found: dict) -> list[dict]:
    overall = found["overall"]
    classes = [
        [row["emotion"], *(percent(row[key]) for key in ("precision", "recall", "f1")), row["support"]]
        for row in overall["per_class"]
    ]
    runs = [
        [
            run["fold_name"],
            run["seed"],
            " ".join(run["validation_speakers"]),
            f"{run['best_epoch']} of {len(run['curve'])}",
            percent(run["curve"][run["best_epoch"] - 1]["validation_uar"]),
            percent(_run_uar(run)),
            duration(run["seconds"]),
            _memory(run.get("peak_memory_mib")),
        ]
        for run in found["runs"]
    ]
    return [
        {"title": "Classes", "header": ["emotion", "precision", "recall", "F1", "utterances"], "rows": classes},
        {
            "title": "Runs",
            "header": [
                "test part",
                "seed",
                "validation speakers",
                "epoch kept",
                "validation UAR",
                "test UAR",
                "time",
                "peak memory",
            ],
            "rows": runs,
        },
    ]


def _memory(mib: int | None) -> str:
    return "–" if mib is None else f"{mib / 1024:.1f} GiB"


def _run_uar(run: dict) -> float:
    from acrnn import metrics

    predictions = np.argmax(run["probabilities"], axis=1)
    return float(metrics.uar(metrics.confusion(run["labels"], predictions, len(run["probabilities"][0]))))


def _settings(found: dict) -> list[tuple[str, object]]:
    settings = found["settings"]
    return [
        (
            "corpus",
            f"{settings['corpus']['title']}, {settings['corpus']['version']}, subset {settings['corpus']['subset']}",
        ),
        ("licence", settings["corpus"]["licence"]),
        ("cite", settings["corpus"]["citation"]),
        ("labels", ", ".join(settings["labels"])),
        ("protocol", settings["protocol"]),
        ("split, SHA-256", settings["split_sha256"]),
        ("records, SHA-256", settings["records_sha256"]),
        ("front end", settings["frontend"]),
        ("segments", settings["segments"]),
        ("network", settings["network"]),
        *([("start", settings["start"])] if "start" in settings else []),
        ("recipe", settings["recipe"]),
        ("versions", found["versions"]),
    ]
