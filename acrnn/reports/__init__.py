"""Results as text, tables, figures and an HTML report."""

from acrnn.reports.html import (
    coverage,
    markdown,
    markdown_table,
    percent,
    percent_interval,
    read_results,
    summary,
    trained,
    uar_cells,
    write_png,
    write_report,
)

__all__ = [
    "coverage",
    "markdown",
    "markdown_table",
    "percent",
    "percent_interval",
    "read_results",
    "summary",
    "trained",
    "uar_cells",
    "write_png",
    "write_report",
]
