"""One self-contained HTML report of a model that was tested on a corpus, with its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from acrnn import metrics
from acrnn.crossval.summary import ClassScores, SpeakerScore
from acrnn.model_card import CHOSEN, FORMATS
from acrnn.reports.error_sounds import ErrorSounds
from acrnn.reports.page import Headline, Table, classes, speaker_recalls, write_page
from acrnn.reports.pictures import Picture, corpus_caption
from acrnn.reports.scored import Evaluation, Scored
from acrnn.reports.tables import percent, percent_interval


def write_evaluation(evaluation: Evaluation, folder: Path, errors: ErrorSounds | None = None) -> Path:
    """Writes report.html and its figures as PNG and SVG files; returns the report's path.

    Args:
        evaluation: the evaluation.
        folder: folder of the report.
        errors: sounds to embed in the report; None embeds and names none.

    Raises:
        OSError: the folder cannot be written.
    """
    return write_page(
        folder,
        "evaluation.html.j2",
        _pictures(evaluation),
        title=f"{evaluation.card.name} on {evaluation.corpus.title}",
        coverage=_coverage(evaluation),
        headlines=list(_headlines(evaluation)),
        caption=_caption(evaluation),
        no_map=_no_map(evaluation.results[0]),
        tables=list(_tables(evaluation)),
        errors=errors,
        first=_suffix(evaluation, evaluation.results[0]),
        settings=list(_settings(evaluation)),
    )


def enrolment_table(evaluation: Evaluation) -> Table:
    """Returns the table of the scores, a row for each number of enrolment utterances."""
    header = ["enrolment utterances", "UAR (95 % interval)", "WA", *(f"recall {name}" for name in evaluation.emotions)]
    return Table("Scores", header, [_scores(each) for each in evaluation.results])


def _scores(each: Scored) -> list[str]:
    recalls = [percent(float(value), 0) for value in metrics.recalls(each.confusion)]
    uar = f"{percent(each.uar)} ({percent_interval(each.interval())})"
    return [str(each.enrolled), uar, percent(metrics.wa(each.confusion)), *recalls]


def _coverage(evaluation: Evaluation) -> str:
    emotions, answers = evaluation.emotions, evaluation.results[0].answers
    sentences = [
        corpus_caption(answers),
        f"The model and the corpus have {len(emotions)} emotions in common: {', '.join(emotions)}.",
    ]
    if evaluation.not_scored:
        counts = ", ".join(f"{name} ({count})" for name, count in evaluation.not_scored.items())
        sentences.append(f"Utterances of other emotions are not scored: {counts}.")
    if others := [name for name in evaluation.card.labels if name not in emotions]:
        sentences.append(
            f"Probabilities are shares of the common emotions, without those of the model alone: {', '.join(others)}."
        )
    if evaluation.failed:
        sentences.append(f"Recordings that could not be recognized, and are not scored: {evaluation.failed}.")
    return " ".join(sentences)


def _headlines(evaluation: Evaluation) -> Iterator[Headline]:
    for each in evaluation.results:
        bounds = each.interval()
        spread = percent_interval(bounds) if bounds is None else f"interval {percent_interval(bounds)}"
        yield Headline(f"UAR{_suffix(evaluation, each)}", f"{percent(each.uar)} %", spread)
        if len(evaluation.results) == 1:
            yield Headline("WA", f"{percent(metrics.wa(each.confusion))} %", "share of correct utterances")
    yield Headline("chance", f"{percent(1 / len(evaluation.emotions))} %", "UAR of guesses")


def _caption(evaluation: Evaluation) -> str:
    interval = (
        f"{100 * metrics.LEVEL:g} % interval: jackknife t over speakers; none for fewer than {metrics.MIN_UNITS}."
    )
    sentences = [interval]
    if len(evaluation.results) > 1 or evaluation.results[0].enrolled:
        sentences.append("The enrolment utterances of a speaker are scored for no number.")
    if evaluation.chosen:
        sentences.append(CHOSEN)
    return " ".join(sentences)


def _suffix(evaluation: Evaluation, each: Scored) -> str:
    """Number of enrolment utterances for titles, where the evaluation has several: ", 5 enrolment utterances"."""
    if len(evaluation.results) == 1:
        return ""
    return f", {each.enrolled or 'no'} enrolment utterance{'s' * (each.enrolled != 1)}"


def _pictures(evaluation: Evaluation) -> Iterator[Picture]:
    from acrnn import figures

    first, emotions = evaluation.results[0], evaluation.emotions
    for each in evaluation.results:
        suffix, stem = _suffix(evaluation, each), f"_{each.enrolled}" if len(evaluation.results) > 1 else ""
        caption = f"{len(each.answers)} utterances."
        yield Picture(f"Confusion{suffix}", f"confusion{stem}", caption, figures.confusion(each.confusion, emotions))
        if each.knows_speakers:
            drawn = figures.speakers(_speaker_scores(each), each.uar, 1 / len(emotions), "speaker", "all together")
            yield Picture(f"Speakers{suffix}", f"speakers{stem}", _SPEAKERS, drawn)
    caption = "The scored utterances by emotion, and their durations."
    yield Picture("Emotions and durations", "corpus", caption, figures.corpus(first.answers, emotions))
    if _no_map(first) is None:
        drawn = figures.embedding_map(_vectors(first), _groups(evaluation))
        yield Picture(f"Embeddings{_suffix(evaluation, first)}", "embeddings", drawn.caption, drawn.draw())


_SPEAKERS = "UAR of each speaker: every class of the speaker has the same weight, whatever its number of utterances."


def _speaker_scores(each: Scored) -> list[SpeakerScore]:
    return [
        SpeakerScore(speaker, float(metrics.uar(counts)), int(counts.sum()))
        for speaker, counts in each.by_speaker.items()
    ]


def _vectors(scored: Scored) -> np.ndarray:
    return np.array([each.embedding for each in scored.answers], np.float32)


def _groups(evaluation: Evaluation) -> dict[str, Sequence[str]]:
    """Values by which the map of embeddings is colored: the emotion, and the speaker where it is known."""
    first = evaluation.results[0]
    groups = {"true emotion": [evaluation.emotions[each.label] for each in first.answers]}
    return groups | ({"speaker": [each.speaker for each in first.answers]} if first.knows_speakers else {})


def _no_map(scored: Scored) -> str | None:
    """Reason why there is no map of the embeddings, in a sentence; None if there is one."""
    from acrnn.figures import no_map

    if any(each.embedding is None for each in scored.answers):
        return "The model returns no embeddings, so that there is no map of them."
    return no_map(_vectors(scored))


def _tables(evaluation: Evaluation) -> Iterator[Table]:
    if len(evaluation.results) > 1:
        yield enrolment_table(evaluation)
    for each in evaluation.results:
        suffix = _suffix(evaluation, each)
        scores = [ClassScores(**row) for row in metrics.per_class(each.confusion, evaluation.emotions)]
        yield classes(scores, f"Emotions{suffix}")
        if each.knows_speakers:
            yield speaker_recalls(each.by_speaker, evaluation.emotions, f"Recall by speaker{suffix}")


def _settings(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    card, corpus = evaluation.card, evaluation.corpus
    yield "model", f"{card.name}: {card.summary}"
    yield "model, SHA-256 of its training", card.identity
    yield "trained on", f"{card.corpus['title']}, {card.trained_on}"
    for use, other in card.other_corpora.items():
        yield use, other["title"]
    yield "runtime", FORMATS[evaluation.runtime].title
    yield "corpus", f"{corpus.title}, {corpus.version}" + (f", subset {corpus.subset}" if corpus.subset else "")
    yield "licence", corpus.licence
    yield "cite", corpus.citation
    yield "enrolment utterances", ", ".join(str(each.enrolled) for each in evaluation.results)
