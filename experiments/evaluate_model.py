"""Tests an exported model on the recordings of a corpus, over the emotions that both have, without and with enrolment.

    acrnn evaluate --model acrnn_emodb --dataset ravdess --data-dir RAVDESS --enrol 0,5,10,20
    acrnn evaluate --model saved_models/mine --dataset manifest --data-dir recordings.csv --map-labels joy=happiness

The first utterances of every speaker enroll the speaker, in an order that depends on neither emotion nor sentence, and are scored
for no number. Utterances of other emotions are not scored, and enroll as well. Writes evaluation.md, evaluation.json and
evaluation.csv, with the probabilities of every scored file. Takes some minutes for a thousand files. Expect for the included
model on RAVDESS experiments/results/included_ravdess/evaluation.md.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import audio, files, metrics
from acrnn.batches.speaker_statistics import enrolment_order
from acrnn.console import Parser, numbers, run_job
from acrnn.errors import FieldError
from acrnn.inference import Recognizer
from acrnn.inference.prediction import Failure, Prediction
from acrnn.model_card import Card
from acrnn.progress import ProgressLine
from acrnn.recipes.initial_model import shared_corpus
from acrnn.records.sound_sample import heard
from acrnn.reports.tables import markdown, percent, percent_interval
from data_prep.arguments import add_recording_arguments, read_recordings
from data_prep.corpora import CORPORA
from data_prep.corpora.base import Corpus, Utterance
from data_prep.fingerprint import sound_sha256

NAME = "evaluation"


@dataclass(frozen=True)
class Scored:
    """The scored utterances of a corpus for one number of enrolment utterances.

    Attributes:
        enrolled: number of enrolment utterances of every speaker.
        utterances: the utterances.
        labels: index of the emotion of each among the shared ones, int [utterances].
        probabilities: of the shared emotions, float [utterances, emotions], which sum to one.
    """

    enrolled: int
    utterances: Sequence[Utterance]
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def confusion(self) -> np.ndarray:
        """Counts int [emotions, emotions]: rows are true emotions."""
        return metrics.confusion(self.labels, self.probabilities.argmax(axis=1), self.probabilities.shape[1])

    def interval(self) -> metrics.Interval | None:
        """Interval of the UAR, by jackknife t over speakers; None for fewer than three."""
        speakers = np.array([utterance.speaker for utterance in self.utterances])
        predicted, count = self.probabilities.argmax(axis=1), self.probabilities.shape[1]
        parts = [
            metrics.confusion(self.labels[speakers == each], predicted[speakers == each], count)
            for each in dict.fromkeys(speakers)
        ]
        return metrics.share(metrics.jackknife_interval(metrics.uar, np.array(parts)))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = _parser()
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="name of an included model, or folder of an exported one")
    parser.add_argument("--dataset", choices=CORPORA, required=True, metavar="CORPUS", help="corpus to test on")
    add_recording_arguments(parser)
    parser.add_argument(
        "--enrol", type=numbers, default=(0,), metavar="N,N,…", help="enrolment utterances (default: 0)"
    )
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help=f"folder to write (default: runs/{NAME})")
    parser.add_argument("--update-card", action="store_true", help="write the figures into the card of the model, too")
    return parser


def run(options: argparse.Namespace) -> int:
    """Tests the model, and writes and prints the page; returns the exit status: 1 if a file could not be recognized."""
    recognizer, corpus = Recognizer.load(options.model, check_speech=False), CORPORA[options.dataset]
    if max(options.enrol) and not recognizer.card.takes_speaker:
        raise FieldError("enrol", max(options.enrol), f"{recognizer.card.name} takes no speaker profiles; leave it out")
    corpus, _, selection = read_recordings(corpus, options)
    _refuse_training_data(recognizer.card, corpus, selection.utterances)
    _refuse_training_sounds(recognizer.card, selection.utterances)
    emotions = {each.emotion for each in selection.utterances}
    shared = tuple(name for name in recognizer.labels if name in emotions)
    if len(shared) < 2:
        theirs, ours = ", ".join(sorted(emotions)), ", ".join(recognizer.labels)
        raise FieldError("map_labels", "", f"the corpus has {theirs} and the model {ours}: fewer than two in common")
    failures: list[Failure] = []
    results = [
        _tested(recognizer, selection.utterances, shared, count, max(options.enrol), failures)
        for count in options.enrol
    ]
    out = options.output_dir or Path("runs", NAME)
    _write(out, recognizer.card, corpus.name, shared, results)
    if options.update_card:
        with_figures(recognizer.card, corpus.title, shared, results).write(recognizer.folder)
    for failure in dict.fromkeys(failure.reason for failure in failures):
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _refuse_training_data(card: Card, corpus: Corpus, utterances: Sequence[Utterance]) -> None:
    """Raises FieldError if the model was trained on speakers of the corpus: its figures would not hold for new ones."""
    tested = {"name": corpus.name, "title": corpus.title, "reader": corpus.reader}
    speakers = {utterance.speaker for utterance in utterances}
    trained = card.fitted_on["speakers"]
    reason = shared_corpus(card.corpus, card.other_corpora, trained, tested, speakers)
    others_of_the_corpus = card.corpus["name"] == corpus.name and speakers.isdisjoint(trained)
    if reason and not others_of_the_corpus:
        problem = f"{reason}, so that its figures would not hold for new speakers; name recordings of other speakers"
        raise FieldError("model", card.name, problem)


def _refuse_training_sounds(card: Card, utterances: Sequence[Utterance]) -> None:
    """Raises FieldError if the model was trained on recordings of the corpus, whatever the names of corpus and speakers are."""
    if card.training_sounds is None:
        return
    checksums = {}
    for each in utterances:
        with contextlib.suppress(audio.AudioError, OSError):  # the test itself reports such a file
            waveform = audio.load_waveform(each.path, card.sample_rate_hz, each.start_seconds, each.end_seconds)
            checksums[each.id] = sound_sha256(waveform)
    if reason := heard(card.training_sounds, checksums, {each.id: str(each.path) for each in utterances}):
        raise FieldError("model", card.name, f"{reason}, so that its figures would be too high; name other recordings")


def _tested(
    recognizer: Recognizer,
    utterances: Sequence[Utterance],
    shared: Sequence[str],
    count: int,
    most: int,
    failures: list[Failure],
) -> Scored:
    """Predicts all scored utterances with a number of enrolment utterances."""
    speakers: dict[str, dict[str, Utterance]] = {}
    for utterance in utterances:
        speakers.setdefault(utterance.speaker, {})[utterance.id] = utterance
    places = [recognizer.labels.index(name) for name in shared]
    scored, probabilities = [], []
    with ProgressLine(f"enrolment {count}", "speakers") as line:
        for number, own in enumerate(speakers.values(), start=1):
            order = [own[name] for name in enrolment_order(list(own))]
            rest = [each for each in order[most:] if each.emotion in shared]
            speaker = recognizer.enrol([each.path for each in order[:count]]) if count else None
            results = recognizer.predict_files([each.path for each in rest], speaker=speaker)
            for utterance, result in zip(rest, results, strict=True):
                if isinstance(result, Prediction):
                    scored.append(utterance)
                    probabilities.append([result.probabilities[recognizer.labels[place]] for place in places])
                else:
                    failures.append(result)
            line.update(number, len(speakers))
    if not scored:
        raise FieldError("enrol", most, "no utterance is left to score; choose fewer")
    shares = np.array(probabilities)
    labels = np.array([shared.index(each.emotion) for each in scored])
    return Scored(count, scored, labels, shares / shares.sum(axis=1, keepdims=True))


def _write(out: Path, card: Card, corpus: str, shared: Sequence[str], results: Sequence[Scored]) -> None:
    files.make_folder(out)
    text = page(card, corpus, shared, results)
    files.write_text(out / f"{NAME}.md", text)
    values = [{"enrolled": each.enrolled, "confusion": each.confusion.tolist()} for each in results]
    described = {"model": card.to_dict(), "corpus": corpus, "emotions": list(shared)}
    files.write_sealed_json(out / f"{NAME}.json", {**described, "results": values})
    buffer = io.StringIO()
    table = csv.writer(buffer)
    table.writerow(["enrolled", "id", "speaker", "emotion", *shared])
    for each in results:
        rows = zip(each.utterances, each.labels, each.probabilities, strict=True)
        table.writerows([each.enrolled, u.id, u.speaker, shared[label], *row.round(6)] for u, label, row in rows)
    files.write_text(out / f"{NAME}.csv", buffer.getvalue())
    print(text)


def with_figures(card: Card, corpus: str, shared: Sequence[str], results: Sequence[Scored]) -> Card:
    """Returns a card with the figures on a corpus, in place of earlier ones on the same corpus.

    Args:
        card: card of the model.
        corpus: title of the corpus.
        shared: the shared emotions.
        results: one for each number of enrolment utterances.
    """
    figures = {
        "corpus": corpus,
        "emotions": list(shared),
        "speakers": len({each.speaker for each in results[0].utterances}),
        "utterances": len(results[0].utterances),
        "results": [
            {"enrolled": each.enrolled, "uar": round(float(metrics.uar(each.confusion)), 4), "interval": _ends(each)}
            for each in results
        ],
    }
    others = [tested for tested in card.evaluations if tested["corpus"] != corpus]
    return replace(card, evaluations=(*others, figures))


def _ends(scored: Scored) -> list[float] | None:
    interval = scored.interval()
    return None if interval is None else [round(float(end), 4) for end in interval]


def page(card: Card, corpus: str, shared: Sequence[str], results: Sequence[Scored]) -> str:
    """Returns the result as Markdown."""
    speakers = len({each.speaker for each in results[0].utterances})
    caption = (
        f"{len(results[0].utterances)} recordings of {speakers} speakers of {corpus}, and the {len(shared)} emotions that "
        f"both have; chance is {percent(1 / len(shared))}. All rows score the same recordings, which enroll for none of them. In "
        f"percent; 95 % intervals: jackknife t over speakers."
    )
    header = ["enrolment utterances", "UAR (95 % interval)", "WA", *(f"recall {name}" for name in shared)]
    return f"# {card.name} on {corpus}\n\n{caption}\n\n{markdown(header, list(_rows(results)))}\n"


def _rows(results: Sequence[Scored]) -> Iterator[list[str]]:
    for each in results:
        uar, interval = percent(float(metrics.uar(each.confusion))), percent_interval(each.interval())
        recalls = [percent(float(value), 0) for value in metrics.recalls(each.confusion)]
        yield [str(each.enrolled), f"{uar} ({interval})", percent(metrics.wa(each.confusion)), *recalls]


if __name__ == "__main__":
    sys.exit(main())
