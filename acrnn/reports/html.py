"""One self-contained HTML report of an experiment, with its figures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from acrnn import metrics
from acrnn.crossval.leakage import MISTAKES
from acrnn.crossval.results import Results, read_results
from acrnn.crossval.run import Run
from acrnn.crossval.settings import Settings
from acrnn.crossval.summary import speaker_confusions
from acrnn.progress import duration
from acrnn.reports import pictures, published
from acrnn.reports.page import Headline, Table, classes, speaker_recalls, write_page
from acrnn.reports.tables import SPREAD, coverage, listed_speeds, percent, percent_interval, system_title


def write_report(folder: Path, records: Path | None = None, out: Path | None = None) -> Path:
    """Writes report.html and its figures as PNG and SVG files; returns the report's path.

    Args:
        folder: folder of an experiment with results.json.
        records: folder of its record set, for the spectrograms under the attention; None leaves that figure out.
        out: folder of the report; None writes it beside the results.

    Raises:
        FileNotFoundError, ValueError: the results or the records are missing or damaged, or do not belong together.
        OSError: the folder of the report cannot be written.
    """
    results = read_results(folder)
    settings, overall = results.settings, results.overall
    return write_page(
        folder if out is None else out,
        "report.html.j2",
        pictures.pictures(results, records),
        title=f"{system_title(settings)} on {settings.corpus.title}",
        coverage=f"{settings.split_title}, {coverage(results)}; total time of the runs: {duration(overall.seconds)}",
        headlines=_headlines(results),
        published=published.uar(settings),
        tables=[classes(overall.per_class), recall_by_speaker(results), _runs(results)],
        caption=f"{SPREAD}. {metrics.INTERVALS}. {normalization_sentence(settings)}{_speeds_sentence(results)}",
        settings=_settings(results),
    )


def normalization_sentence(settings: Settings) -> str:
    """The recordings that normalize the features, in a sentence."""
    if settings.fusion:
        return "Each member has a normalization of its own."
    if settings.mistake and MISTAKES[settings.mistake].normalized_on_everything:
        return "Features are normalized by all speakers, those of the test part included: a deliberate leak."
    return settings.normalized_by.sentence


def _speeds_sentence(results: Results) -> str:
    """The speeds of the prediction, in sentences with a space before them; empty for the recordings alone."""
    if not results.settings.test_speeds:
        return ""
    speeds = listed_speeds(results.settings.test_speeds)
    attention = " and the attention weights" * any(run.attention for run in results.runs)
    return (
        f" Posteriors are means over copies of each utterance at {speeds} (test-time augmentation). The validation UAR of the "
        f"epochs and runs{attention} are of the recordings alone. The time includes that of the training."
    )


def _headlines(results: Results) -> list[Headline]:
    overall = results.overall
    deviation = "a single fold" if overall.uar_fold_std is None else f"± {percent(overall.uar_fold_std)} over folds"
    seeds = f", ± {percent(overall.uar_seed_std)} over seeds" if overall.uar_seed_std is not None else ""
    fold_spread = f"{deviation}{seeds}, {_interval(overall.uar_fold_mean_interval)}"
    return [
        Headline("UAR, mean over folds", f"{percent(overall.uar_fold_mean)} %", fold_spread),
        Headline("UAR, pooled", f"{percent(overall.uar_pooled)} %", _interval(overall.uar_pooled_interval)),
        Headline("WA", f"{percent(overall.wa)} %", "share of correct utterances"),
    ]


def _interval(bounds: tuple[float, float] | None) -> str:
    return percent_interval(bounds) if bounds is None else f"interval {percent_interval(bounds)}"


def recall_by_speaker(results: Results) -> Table:
    """Returns the table of the recall of every emotion of each test speaker, the mean over the seeds."""
    labels = results.settings.labels
    return speaker_recalls(speaker_confusions(results.runs, len(labels)), labels)


def _runs(results: Results) -> Table:
    header = [
        "test part",
        "seed",
        "validation speakers",
        "selected epoch",
        "validation UAR",
        "test UAR",
        "time",
        "peak memory",
    ]
    return Table("Runs", header, [_run(run) for run in results.runs])


def _run(run: Run) -> list:
    return [
        run.fold_name,
        run.seed,
        " ".join(run.validation_speakers),
        f"{run.best_epoch} of {len(run.curve)}" if run.curve else "–",
        percent(run.validation_uar),
        percent(run.uar),
        duration(run.seconds),
        _memory(run.peak_memory_mib),
    ]


def _memory(mib: int | None) -> str:
    return "–" if mib is None else f"{mib / 1024:.1f} GiB"


def _settings(results: Results) -> list[tuple[str, str]]:
    settings, corpus = results.settings, results.settings.corpus
    return [
        ("corpus", f"{corpus.title}, {corpus.version}, subset {corpus.subset}"),
        ("licence", corpus.licence),
        ("cite", corpus.citation),
        *_other_corpora(settings),
        ("labels", ", ".join(settings.labels)),
        ("protocol", settings.split_title),
        *([("validation part", "none: its speakers are in the training part")] if settings.train_on_validation else []),
        ("split, SHA-256", settings.split_sha256),
        ("records, SHA-256", settings.records_sha256),
        ("front end", _listed(settings.frontend_fields)),
        ("segments", _listed(settings.segment_fields)),
        ("network", _listed(settings.network_fields)),
        *([("initial weights", _listed(settings.initial_weights))] if settings.initial_weights else []),
        ("recipe", _listed(settings.recipe_fields)),
        *([("fusion", _listed(settings.fusion))] if settings.fusion else []),
        *(("versions", _listed(versions)) for versions in results.versions),
    ]


def _other_corpora(settings: Settings) -> Iterator[tuple[str, str]]:
    """Corpora of a pre-training or a joint training, with their licences."""
    for use, corpus in settings.other_corpora.items():
        yield f"{use}, corpus", f"{corpus['title']}, {corpus['version']}{_emotions(corpus)}"
        if left_out := corpus.get("left_out"):
            yield f"{use}, utterances left out", ", ".join(f"{name} {count}" for name, count in left_out.items())
        yield f"{use}, licence", corpus["licence"]
        yield f"{use}, cite", corpus["citation"]


def _emotions(corpus: Mapping) -> str:
    """Emotions of another corpus; "" where only the card of a trained model tells about it."""
    return f": {', '.join(corpus['labels'])}" if "labels" in corpus else ""


def _listed(fields: Mapping) -> str:
    """Fields in a line: "frames=300, padding=mean"."""
    return ", ".join(
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items()
    )
