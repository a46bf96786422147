"""Figures of a report with their captions, as PNG for the page and as SVG for papers."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from acrnn import files
from acrnn.crossval.leakage import MISTAKES
from acrnn.crossval.results import Results
from acrnn.crossval.settings import Settings
from acrnn.records import RecordSet, UtteranceRow
from acrnn.records.utterance_table import UNKNOWN_SPEAKER
from acrnn.reports.attention import attention_examples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from acrnn.reports.scored import Answer


class Picture(NamedTuple):
    """A figure of the report; `name` is the stem of its files."""

    title: str
    name: str
    caption: str
    figure: Figure


def write(picture: Picture, folder: Path) -> str:
    """Writes a figure as a PNG file and as an SVG file; returns the PNG in base64, for a page."""
    import matplotlib

    from acrnn.figures import write_png

    png = write_png(picture.figure, folder / f"{picture.name}.png")
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "acrnn"}):  # the same figure is the same file
        picture.figure.savefig(buffer, format="svg", metadata={"Date": None})
    with files.atomic_path(folder / f"{picture.name}.svg") as temporary:
        temporary.write_bytes(buffer.getvalue())
    return base64.b64encode(png).decode()


def pictures(results: Results, records: Path | None) -> Iterator[Picture]:
    """Yields the figures of an experiment.

    Args:
        results: its results.
        records: folder of its record set; None leaves out the figures that need recordings.

    Raises:
        ValueError: the record set is damaged, or belongs to another experiment.
    """
    from acrnn import figures

    overall, labels = results.overall, results.settings.labels
    yield Picture(
        "Confusion", "confusion", "All test utterances of all runs.", figures.confusion(overall.confusion, labels)
    )
    yield Picture(
        "Speakers",
        "speakers",
        "UAR of each test speaker: every class of the speaker has the same weight, whatever its number of utterances. Chance is "
        "the UAR of guesses.",
        figures.speakers(overall.per_speaker, overall.uar_fold_mean, 1 / len(labels)),
    )
    if not results.settings.fusion:
        caption = selection_caption(results.settings)
        yield Picture("Learning curves", "learning_curves", caption, figures.learning_curves(results.runs))
    if records is None:
        return
    if examples := attention_examples(results, records):
        caption = "One correctly recognized test utterance for each class: static features, and the attention weights (1 is an even share)."
        yield Picture("Attention", "attention", caption, figures.attention(examples))
    rows = [row for row in RecordSet(records).utterances if not row.copy_of]
    yield Picture("Corpus", "corpus", corpus_caption(rows), figures.corpus(rows, labels))


def corpus_caption(rows: Sequence[UtteranceRow | Answer]) -> str:
    """States the size of a corpus: utterances, speakers and minutes; `rows` are its utterances."""
    seconds, speakers = [row.duration_seconds for row in rows], {row.speaker for row in rows}
    named = (
        "unknown speakers" if speakers == {UNKNOWN_SPEAKER} else f"{len(speakers)} speaker{'s' * (len(speakers) != 1)}"
    )
    return (
        f"{len(rows)} utterances of {named}, {sum(seconds) / 60:.1f} minutes; the shortest "
        f"has {min(seconds):.1f} s, the longest {max(seconds):.1f} s."
    )


def selection_caption(settings: Settings) -> str:
    """The rule of checkpoint selection in a sentence."""
    if settings.fusion:
        return "Each member has a checkpoint selection of its own."
    if settings.mistake and MISTAKES[settings.mistake].test_selects:
        return "The checkpoint is selected by the UAR on the test speakers: a deliberate leak. The curves show the test part."
    if settings.train_on_validation:
        return (
            "The last epoch is used, without selection; the validation speakers of the protocol are in the training part, so there "
            f"is no validation part. {_test_sentence(settings)}"
        )
    if settings.recipe.epoch_choice == "last":
        return (
            f"The last epoch is used, without selection; the validation part is only shown. {_test_sentence(settings)}"
        )
    return f"The checkpoint with the best UAR on the validation part is selected. {_test_sentence(settings)}"


def _test_sentence(settings: Settings) -> str:
    if settings.test_speeds:
        return "The test part was predicted at one speed after the training, and then at several, without another training."
    return "The test part is predicted once, after the training."
