"""Tests an exported model on the recordings of a corpus, over the emotions that both have, without and with enrolment.

    acrnn evaluate --model acrnn_emodb --dataset ravdess --data-dir RAVDESS --enrol 0,5,10,20
    acrnn evaluate --model saved_models/mine --dataset manifest --data-dir recordings.csv --map-labels joy=happiness

The first utterances of every speaker enroll the speaker, in an order that depends on neither emotion nor sentence, and are scored
for no number. Utterances of other emotions are not scored, and enroll as well. Writes report.html with its figures, evaluation.md,
evaluation.json and evaluation.csv, with the probabilities of every scored file. No sound is in any of them, unless --error-sounds
puts those of the most confident errors into the report, to listen to. Takes some minutes for a thousand files. Expect for the included
model on RAVDESS experiments/results/included_ravdess/evaluation.md.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn import audio, files
from acrnn.batches.speaker_statistics import enrolment_order
from acrnn.console import Parser, numbers, positive, run_job
from acrnn.crossval.results import RESULTS
from acrnn.crossval.settings import CorpusInfo
from acrnn.errors import FieldError
from acrnn.inference import Recognizer
from acrnn.inference.prediction import Failure, Prediction
from acrnn.model_card import CHOSEN, Card
from acrnn.progress import ProgressLine
from acrnn.recipes.initial_model import shared_corpus
from acrnn.records.sound_sample import training_overlap
from acrnn.reports.error_sounds import MOST, error_sounds
from acrnn.reports.evaluation import enrolment_table, write_evaluation
from acrnn.reports.scored import Answer, Evaluation, Scored
from acrnn.reports.tables import markdown, percent
from data_prep.arguments import add_recording_arguments, read_recordings
from data_prep.corpora import CORPORA, Selection
from data_prep.corpora.base import Corpus, Utterance
from data_prep.fingerprint import sound_sha256

NAME = "evaluation"


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
    parser.add_argument(
        "--error-sounds",
        type=positive,
        metavar="N",
        help=f"put the sounds of the N most confident errors into the report, up to {MOST} (default: none)",
    )
    parser.add_argument("--update-card", action="store_true", help="write the figures into the card of the model, too")
    parser.add_argument(
        "--chosen",
        action="store_true",
        help="the model was chosen among several by its UAR on this corpus; page, report and card state it",
    )
    return parser


def run(options: argparse.Namespace) -> int:
    """Tests the model, and writes and prints the page; returns the exit status: 1 if a file could not be recognized."""
    out = options.output_dir or Path("runs", NAME)
    _check_output(out, options.error_sounds)
    recognizer, corpus = Recognizer.load(options.model, check_speech=False), CORPORA[options.dataset]
    if max(options.enrol) and not recognizer.card.takes_speaker:
        raise FieldError("enrol", max(options.enrol), f"{recognizer.card.name} takes no speaker profiles; leave it out")
    corpus, _, selection = read_recordings(corpus, options)
    _refuse_training_data(recognizer.card, corpus, selection.utterances)
    _refuse_training_sounds(recognizer.card, selection.utterances)
    failures: list[Failure] = []
    evaluation = _evaluated(recognizer, corpus, selection, options, failures)
    _write(out, evaluation, options.error_sounds)
    if options.update_card:
        with_figures(evaluation).write(recognizer.folder)
    for failure in dict.fromkeys(failure.reason for failure in failures):
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def _check_output(out: Path, sounds: int | None) -> None:
    """Raises FieldError for a folder whose report would be replaced by another one, and for too many sounds."""
    if (out / RESULTS).exists():
        raise FieldError(
            "output_dir", out, "it holds the results and the report of an experiment; choose another folder"
        )
    if sounds and sounds > MOST:
        raise FieldError("error_sounds", sounds, f"choose up to {MOST}")


def _evaluated(
    recognizer: Recognizer, corpus: Corpus, selection: Selection, options: argparse.Namespace, failures: list[Failure]
) -> Evaluation:
    """Tests the model on the utterances with the emotions that it shares with the corpus."""
    counts = Counter(each.emotion for each in selection.utterances)
    shared = tuple(name for name in recognizer.labels if name in counts)
    if len(shared) < 2:
        theirs, ours = ", ".join(sorted(counts)), ", ".join(recognizer.labels)
        raise FieldError("map_labels", "", f"the corpus has {theirs} and the model {ours}: fewer than two in common")
    results = [
        _tested(recognizer, selection.utterances, shared, count, max(options.enrol), failures)
        for count in options.enrol
    ]
    about = {name: getattr(corpus, name) for name in ("name", "title", "version", "licence", "citation", "reader")}
    return Evaluation(
        card=recognizer.card,
        runtime=recognizer.runtime,
        corpus=CorpusInfo(subset=options.subset, complete=selection.complete, **about),
        emotions=shared,
        not_scored={name: counts[name] for name in sorted(set(counts) - set(shared))},
        failed=len({failure.source for failure in failures}),
        results=results,
        chosen=options.chosen,
    )


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
    if reason := training_overlap(card.training_sounds, checksums, {each.id: str(each.path) for each in utterances}):
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
    answers = []
    with ProgressLine(f"enrolment {count}", "speakers") as line:
        for number, own in enumerate(speakers.values(), start=1):
            order = [own[name] for name in enrolment_order(list(own))]
            rest = [each for each in order[most:] if each.emotion in shared]
            speaker = recognizer.enrol([_sound(each) for each in order[:count]]) if count else None
            results = recognizer.predict_files([_sound(each) for each in rest], speaker=speaker)
            for utterance, result in zip(rest, results, strict=True):
                if isinstance(result, Prediction):
                    answers.append(_answer(utterance, shared, result))
                else:
                    failures.append(result)
            line.update(number, len(speakers))
    if not answers:
        raise FieldError("enrol", most, "no utterance is left to score; choose fewer")
    return Scored(count, answers)


def _sound(utterance: Utterance) -> Path | audio.Part:
    """Returns the file of an utterance, or the part of it that the corpus names."""
    if utterance.start_seconds is None and utterance.end_seconds is None:
        return utterance.path
    return audio.Part(utterance.path, utterance.start_seconds, utterance.end_seconds)


def _answer(utterance: Utterance, shared: Sequence[str], prediction: Prediction) -> Answer:
    shares = np.array([prediction.probabilities[name] for name in shared])
    return Answer(
        id=utterance.id,
        sound=_sound(utterance),
        speaker=utterance.speaker,
        label=shared.index(utterance.emotion),
        probabilities=shares / shares.sum(),
        duration_seconds=prediction.duration_seconds,
        embedding=None if prediction.embeddings is None else np.mean(prediction.embeddings, axis=0, dtype=np.float32),
    )


def _write(out: Path, evaluation: Evaluation, sounds: int | None) -> None:
    files.make_folder(out)
    text, shared = page(evaluation), evaluation.emotions
    files.write_text(out / f"{NAME}.md", text)
    values = [{"enrolled": each.enrolled, "confusion": each.confusion.tolist()} for each in evaluation.results]
    described = {"model": evaluation.card.to_dict(), "corpus": evaluation.corpus.name, "emotions": list(shared)}
    files.write_sealed_json(out / f"{NAME}.json", {**described, "results": values})
    buffer = io.StringIO()
    table = csv.writer(buffer)
    table.writerow(["enrolled", "id", "speaker", "emotion", *shared])
    for each in evaluation.results:
        table.writerows(
            [each.enrolled, a.id, a.speaker, shared[a.label], *a.probabilities.round(6)] for a in each.answers
        )
    files.write_text(out / f"{NAME}.csv", buffer.getvalue())
    print(text)
    print(f"report {write_evaluation(evaluation, out, error_sounds(evaluation, sounds) if sounds else None)}")


def with_figures(evaluation: Evaluation) -> Card:
    """Returns the card of the model with the figures on the corpus, in place of earlier ones on the same corpus."""
    answers = evaluation.results[0].answers
    figures = {
        "corpus": evaluation.corpus.title,
        "emotions": list(evaluation.emotions),
        "speakers": len({each.speaker for each in answers}),
        "utterances": len(answers),
        "results": [
            {"enrolled": each.enrolled, "uar": round(each.uar, 4), "interval": _ends(each)}
            for each in evaluation.results
        ],
        **({"chosen": True} if evaluation.chosen else {}),
    }
    others = [tested for tested in evaluation.card.evaluations if tested["corpus"] != evaluation.corpus.title]
    return replace(evaluation.card, evaluations=(*others, figures))


def _ends(scored: Scored) -> list[float] | None:
    interval = scored.interval()
    return None if interval is None else [round(float(end), 4) for end in interval]


def page(evaluation: Evaluation) -> str:
    """Returns the result as Markdown."""
    answers, corpus, count = evaluation.results[0].answers, evaluation.corpus.name, len(evaluation.emotions)
    speakers = len({each.speaker for each in answers})
    caption = (
        f"{len(answers)} recordings of {speakers} speakers of {corpus}, and the {count} emotions that both have; chance is "
        f"{percent(1 / count)}. All rows score the same recordings, which enroll for none of them. In percent; 95 % intervals: "
        f"jackknife t over speakers."
    )
    if evaluation.chosen:
        caption = f"{caption} {CHOSEN}"
    scores = enrolment_table(evaluation)
    return f"# {evaluation.card.name} on {corpus}\n\n{caption}\n\n{markdown(scores.header, scores.rows)}\n"


if __name__ == "__main__":
    sys.exit(main())
