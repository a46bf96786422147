"""Pages about several experiments: tables with common columns, paired comparisons, and their figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from acrnn.crossval.results import Results
from acrnn.reports import published
from acrnn.reports.comparison import Comparison, caption, corrected, paired, tested_uar, validation_uar
from acrnn.reports.tables import (
    CAPTION,
    FIGURE_4_NOTE,
    FIGURE_4_TITLE,
    coverage,
    figure_4,
    markdown,
    percent,
    recipe_name,
    trained,
    uar_cells,
)

ByUnit = Callable[[Results], Mapping[str, float]]  # UAR by test speaker or fold, see `acrnn.reports.comparison`


@dataclass(frozen=True)
class Column:
    """One column of a table with a row for each experiment.

    Attributes:
        header: title of the column.
        cell: returns the text of a cell for the name and the results of an experiment.
    """

    header: str
    cell: Callable[[str, Results], str]

    def named(self, header: str) -> Column:
        """Returns the same column under another title."""
        return replace(self, header=header)


def column(header: str, cell: Callable[[Results], str]) -> Column:
    """Returns a column whose cells depend on the results alone."""
    return Column(header, lambda name, results: cell(results))


def mean_uar(results: Results, uar: ByUnit) -> str:
    """Mean UAR over speakers or folds in percent."""
    return percent(float(np.mean(list(uar(results).values()))))


def _published_uar(results: Results) -> str:
    figure = published.uar(results.settings)
    return "–" if figure is None else figure.cell()


def _training(results: Results) -> str:
    return ", ".join(filter(None, [recipe_name(results.settings), trained(results.settings)]))


UAR_BY_FOLD = column("UAR, mean over folds", lambda results: uar_cells(results)[0])
UAR_POOLED = column("UAR, pooled (95 % interval)", lambda results: uar_cells(results)[1])
FIGURE_4 = column(FIGURE_4_TITLE, lambda results: figure_4(results) or "–")
WA = column("WA", lambda results: percent(results.overall.wa))
VALIDATION_UAR = column("validation UAR", lambda results: mean_uar(results, validation_uar))
PUBLISHED = column("published", _published_uar)
TRAINING = column("training", _training)
COVERAGE = column("coverage", coverage)


def columns_and_caption(corpus: str, columns: Iterable[Column]) -> tuple[list[Column], str]:
    """Returns the columns of a table with its caption; the column `FIGURE_4` is for Emo-DB alone.

    Args:
        corpus: name of the corpus.
        columns: columns of a table on Emo-DB.
    """
    if corpus == "emodb":
        return list(columns), f"{CAPTION} {FIGURE_4_NOTE}."
    return [each for each in columns if each is not FIGURE_4], CAPTION


def page(parts: Iterable[str]) -> str:
    """Returns a Markdown page of paragraphs, headings and tables."""
    return "\n\n".join(parts) + "\n"


def results_table(
    results: Mapping[str, Results],
    columns: Sequence[Column],
    titles: Mapping[str, str] | None = None,
    first: str = "",
    more_rows: Iterable[Sequence[str]] = (),
) -> str:
    """Returns a Markdown table with a row for each experiment.

    Args:
        results: results by the name of the experiment, in the order of the rows.
        columns: columns after the first, which has the titles.
        titles: title of each row by name (default: the name).
        first: header of the first column.
        more_rows: rows below, such as published figures.
    """
    rows = [
        [(titles or {}).get(name, name), *(each.cell(name, result) for each in columns)]
        for name, result in results.items()
    ]
    return markdown([first, *(each.header for each in columns)], [*rows, *more_rows])


def difference(comparison: Comparison | None) -> str:
    """Returns a comparison as the text of a cell: difference in points, interval, p; a dash for None."""
    if comparison is None:
        return "–"
    low, high = comparison.interval
    return f"{100 * comparison.difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}), p = {comparison.p_value:.3f}"


def compared(results: Mapping[str, Results], first: str, second: str, uar: ByUnit = tested_uar) -> Comparison | None:
    """Compares the first experiment with the second, paired over the units of `uar`; p is not corrected.

    None while one of them has no results, or where they share too few units.
    """
    return paired(uar(results[first]), uar(results[second])) if {first, second} <= results.keys() else None


def gains(
    results: Mapping[str, Results], references: Mapping[str, str | None], uar: ByUnit = tested_uar
) -> dict[str, Comparison]:
    """Compares each experiment with its reference; p is corrected for the number of comparisons.

    Args:
        results: results by name.
        references: name of the reference by the name of the experiment; None for none.
        uar: UAR by the unit over which the comparison is paired.
    """
    return corrected(
        {name: compared(results, name, reference, uar) for name, reference in references.items() if reference}
    )


def difference_column(header: str, comparisons: Mapping[str, Comparison]) -> Column:
    """Returns a column with the comparison of each experiment that has one."""
    return Column(header, lambda name, results: difference(comparisons.get(name)))


def comparison_table(
    results: Mapping[str, Results], pairs: Iterable[tuple[str, str]], quantity: str = "UAR", has_verdict: bool = False
) -> str:
    """Returns a Markdown table of pairs of experiments, compared over their test speakers, below its caption.

    Args:
        results: results by name; a pair with a missing experiment is left out.
        pairs: names of the first and the second experiment of each pair.
        quantity: what the difference is called, such as "UAR".
        has_verdict: whether a last column has the result of the test.
    """
    finished = [(first, second) for first, second in pairs if {first, second} <= results.keys()]
    tested = corrected({pair: compared(results, *pair) for pair in finished})
    rows = []
    for pair in finished:
        comparison = tested.get(pair)
        verdict = "–" if comparison is None else comparison.verdict
        rows.append([*pair, difference(comparison), *([verdict] if has_verdict else [])])
    header = ["first", "second", f"difference in {quantity} points", *(["verdict"] if has_verdict else [])]
    title = f"First minus second. {caption(tested.values(), is_judged=has_verdict)}"
    return page([title, markdown(header, rows)]).rstrip("\n")


def write_confusion(results: Results, path: Path) -> None:
    """Draws the confusion matrix of an experiment into a PNG file."""
    from acrnn import figures

    figures.write_png(figures.confusion(results.overall.confusion, results.settings.labels), path)


def write_differences(comparisons: Mapping[str, Comparison], label: str, path: Path) -> None:
    """Draws comparisons with their intervals into a PNG file, if there are any.

    Args:
        comparisons: comparisons by the name of the experiment.
        label: title of the horizontal axis.
        path: PNG file to write.
    """
    from acrnn import figures

    if comparisons:
        figures.write_png(figures.differences(comparisons, label), path)


def write_sweep(results: Mapping[int, Results], path: Path, has_published: bool = True, **labels: str) -> None:
    """Draws the UAR over the values of a hyper-parameter into a PNG file.

    Args:
        results: results by the value of the hyper-parameter.
        path: PNG file to write.
        has_published: whether to draw the published figures too.
        labels: `along` and `title`, see `acrnn.figures.depths`.
    """
    from acrnn import figures

    points = {
        value: figures.Point(
            result.overall.uar_fold_mean,
            result.overall.uar_fold_mean_interval,
            published.uar(result.settings) if has_published else None,
        )
        for value, result in results.items()
    }
    figures.write_png(figures.depths(points, **labels), path)


def write_mean_curves(results: Mapping[str, Results], path: Path) -> None:
    """Draws the mean learning curve of each experiment into a PNG file."""
    from acrnn import figures

    curves = {name: [run.curve for run in result.runs] for name, result in results.items()}
    figures.write_png(figures.mean_curves(curves), path)
