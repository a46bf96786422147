"""Classical baselines beside networks: sentences and tables that follow from results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from acrnn.baselines import BASELINES
from acrnn.baselines.opensmile_features import LICENCE
from acrnn.batches.speaker_statistics import CORPUS, SPEAKER, Choice
from acrnn.crossval.results import Results
from acrnn.reports.comparison import Comparison, caption
from acrnn.reports.study_tables import (
    COVERAGE,
    FIGURE_4,
    UAR_BY_FOLD,
    UAR_POOLED,
    VALIDATION_UAR,
    WA,
    column,
    columns_and_caption,
    difference,
    gains,
    results_table,
)
from acrnn.reports.tables import markdown, percent, uar_cells

INDUCTIVE = "normalized by the training part (inductive)"


def normalization(results: Results) -> str:
    """Source of the statistics that normalize the features of a baseline."""
    choice = results.settings.normalized_by
    return INDUCTIVE if choice.kind == CORPUS else choice.title


def notes(results: Mapping[str, Results]) -> str:
    """Sentences about the classifiers, posteriors, normalization and licences of some baselines.

    Args:
        results: results of baselines by name, at least one.
    """
    settings = [each.settings for each in results.values()]
    baselines = [each.baseline for each in settings if each.baseline]
    classifiers, weights, selections, posteriors = (
        " or ".join(sorted({str(each[key]) for each in baselines}))
        for key in ("classifier", "class_weight", "selection", "posteriors")
    )
    sentences = [
        f"Classifier: {classifiers}, class weights {weights}; mean and deviation of each feature and the classifier are "
        f"fitted on the training part, C and gamma are chosen by {selections}, and the test part is predicted once. "
        f"Posteriors: {posteriors}; they are not calibrated."
    ]
    if any(each.speaker_statistics == "speaker" for each in settings):
        sentences.append(
            f"Rows with {Choice.parse(SPEAKER).title}: before that, every feature has mean 0 and deviation 1 over the "
            "recordings of each speaker, without labels; a prediction depends on the test speaker's other recordings."
        )
    if any(each.frontend_fields.get("kind") == "opensmile" for each in settings):
        sentences.append(f"{LICENCE}.")
    return " ".join(sentences)


def baselines_table(baselines: Mapping[str, Results], others: Mapping[str, Results] | None = None) -> str:
    """Returns a Markdown table of baselines below its notes and caption.

    Args:
        baselines: results of baselines by name, at least one.
        others: results of networks by name, as further rows.
    """
    rows = {**baselines, **(others or {})}
    columns, caption = columns_and_caption(
        next(iter(baselines.values())).settings.corpus.name,
        (UAR_BY_FOLD, FIGURE_4, UAR_POOLED, VALIDATION_UAR, WA, column("normalization", normalization), COVERAGE),
    )
    titles = {name: BASELINES[each.settings.model].title for name, each in baselines.items()}
    table = results_table(rows, columns, titles, first="system")
    return f"{notes(baselines)}\n\n{caption}\n\n{table}"


def networks_table(baselines: Mapping[str, Results], networks: Mapping[str, Results]) -> str:
    """Returns a Markdown table of networks, each minus the baseline with the same kind of speaker statistics, below its caption.

    The comparisons are paired over test speakers and corrected for their number (Holm).

    Args:
        baselines: results of a baseline by `Settings.statistics_kind`.
        networks: results of networks by name; those without a baseline of the same kind are left out.
    """
    comparable = {name: each for name, each in networks.items() if each.settings.statistics_kind in baselines}
    ranked = dict(sorted(comparable.items(), key=lambda item: -item[1].overall.uar_fold_mean))
    references = {name: each.settings.statistics_kind for name, each in ranked.items()}
    comparisons = gains({**ranked, **baselines}, references)
    rows = [
        [f"`{name}`", uar_cells(each)[0], difference(comparisons.get(name)), _verdict(comparisons.get(name))]
        for name, each in ranked.items()
    ]
    header = ["network", "UAR, mean over folds", "minus the baseline", "verdict"]
    text = f"{_count(ranked, baselines, comparisons)} {caption(comparisons.values(), is_judged=True)}"
    return f"{text}\n\n{markdown(header, rows)}"


def _verdict(comparison: Comparison | None) -> str:
    return "–" if comparison is None else comparison.verdict


def _count(
    networks: Mapping[str, Results], baselines: Mapping[str, Results], comparisons: Mapping[str, Comparison]
) -> str:
    """A sentence with the UAR of the baselines, and the numbers of networks above them and significantly better or worse."""
    named = " and ".join(
        f"{BASELINES[each.settings.model].title}, {normalization(each)}: UAR {percent(each.overall.uar_fold_mean)}"
        for each in baselines.values()
    )
    above = sum(
        each.overall.uar_fold_mean > baselines[each.settings.statistics_kind].overall.uar_fold_mean
        for each in networks.values()
    )
    verdicts = Counter(each.verdict for each in comparisons.values())
    return (
        f"{named}. Of {len(networks)} networks and fusions, each compared with the baseline of the same normalization, {above} have a "
        f"higher mean UAR, {verdicts['better']} are significantly better and {verdicts['worse']} significantly worse."
    )
