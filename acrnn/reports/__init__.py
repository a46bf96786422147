"""Results as text, tables, figures and an HTML report."""

from acrnn.reports.html import write_report
from acrnn.reports.tables import (
    coverage,
    markdown,
    markdown_table,
    percent,
    percent_interval,
    summary,
    trained,
    uar_cells,
)

__all__ = [
    "coverage",
    "markdown",
    "markdown_table",
    "percent",
    "percent_interval",
    "summary",
    "trained",
    "uar_cells",
    "write_report",
]
