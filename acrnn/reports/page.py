"""An HTML page of results: its parts, and the writer that fills a template with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from acrnn import files, metrics
from acrnn.crossval.summary import ClassScores
from acrnn.reports import pictures
from acrnn.reports.pictures import Picture
from acrnn.reports.tables import percent

REPORT = "report.html"


class Headline(NamedTuple):
    """A score at the top of the page: its name, its value and its uncertainty."""

    name: str
    value: str
    spread: str


class Table(NamedTuple):
    """A table of the page."""

    title: str
    header: list[str]
    rows: list[list]


def write_page(folder: Path, template: str, shown: Iterable[Picture], **values) -> Path:
    """Writes report.html and its figures as PNG and SVG files; returns the path of the page.

    Args:
        folder: folder to write, which is made if it does not exist.
        template: name of a template in acrnn/templates that extends page.html.j2.
        shown: figures of the page.
        values: variables of the template.

    Raises:
        OSError: the folder cannot be written.
    """
    import jinja2

    files.make_folder(folder)
    embedded = [
        {"title": picture.title, "caption": picture.caption, "png": pictures.write(picture, folder)}
        for picture in shown
    ]
    environment = jinja2.Environment(loader=jinja2.PackageLoader("acrnn"), autoescape=True)
    files.write_text(folder / REPORT, environment.get_template(template).render(pictures=embedded, **values))
    return folder / REPORT


def classes(scores: Iterable[ClassScores], title: str = "Classes") -> Table:
    """Returns the table of precision, recall and F1 of each emotion."""
    rows = [[row.emotion, percent(row.precision), percent(row.recall), percent(row.f1), row.support] for row in scores]
    return Table(title, ["emotion", "precision", "recall", "F1", "utterances"], rows)


def speaker_recalls(
    confusions: Mapping[str, np.ndarray], labels: Sequence[str], title: str = "Recall by speaker"
) -> Table:
    """Returns the table of the recall of every emotion of each speaker.

    Args:
        confusions: counts [classes, classes] by speaker.
        labels: emotions in class order.
        title: title of the table.
    """
    rows = []
    for speaker, counts in confusions.items():
        recalls = [percent(float(value), 0) for value in metrics.recalls(counts)]
        rows.append([speaker, *recalls, percent(float(metrics.uar(counts))), round(float(counts.sum()))])
    return Table(title, ["speaker", *labels, "UAR", "utterances"], rows)
