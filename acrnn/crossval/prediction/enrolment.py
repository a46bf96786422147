"""UAR by the number of enrolment utterances, from the saved networks of an experiment with speaker statistics.

The networks were trained with statistics of all recordings of their training speakers. Here they are tested with less: the
statistics of the first utterances of a new speaker, shrunk towards the average training speaker. The scored utterances are the
same for all numbers, so that the points of the curve can be compared. If the experiment adapts the last batch normalization,
the recordings of an enrolment do so too, and those of the training part count as much as in the statistics of features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal, NamedTuple, cast

import numpy as np

from acrnn import metrics
from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import (
    PRIOR_SECONDS,
    SPEAKER,
    SpeakerNormalizer,
    SpeakerStatistics,
    enrolment_order,
)
from acrnn.crossval.prediction.utterances import Adaptation, UtterancePrediction, check_speeds
from acrnn.crossval.results import Results, collect_results, records_of
from acrnn.crossval.run import Run, run_path
from acrnn.errors import FieldError, UsageError
from acrnn.frontends.statistics import Statistics, average, own_share
from acrnn.models import load_network
from acrnn.records import RecordSet
from acrnn.training.state import copy_state

ALONE, ALL = "the scored utterance alone", "all recordings"
Part = Literal["test", "validation"]


class Amount(NamedTuple):
    """Amount of a new speaker's recordings that normalize the features.

    Attributes:
        enrolment: number of utterances; ALONE for the statistics of each scored utterance itself, shrunk like an enrolment; ALL
            for all recordings of the speaker.
        prior_seconds: weight of the average training speaker; None with ALL.
    """

    enrolment: int | str
    prior_seconds: float | None


@dataclass(frozen=True)
class Point:
    """A point of the curve.

    Attributes:
        amount: the recordings that normalize the features.
        seconds: mean duration of the enrolment utterances of a speaker; None for ALL and ALONE.
        uars: float [folds, seeds · draws], UAR of the scored utterances.
    """

    amount: Amount
    seconds: float | None
    uars: np.ndarray

    @property
    def by_fold(self) -> np.ndarray:
        """UAR of each fold, float [folds]: the mean over seeds and draws."""
        return self.uars.mean(axis=1)


def enrolment_curve(
    folder: Path,
    records: Path,
    counts: Sequence[int],
    draws: int = 1,
    part: Part = "test",
    prior_seconds: Sequence[float] = (PRIOR_SECONDS,),
    announce: Callable[[str], None] = print,
    test_speeds: Sequence[float] = (1.0,),
) -> list[Point]:
    """Tests the networks of a finished experiment with fewer recordings of the new speakers.

    Args:
        folder: experiment with `speaker_statistics` "speaker" and saved networks.
        records: its record set.
        counts: numbers of enrolment utterances; the utterances of the largest are scored for none of them.
        draws: number of orders of a speaker's utterances to average over.
        part: new speakers: those of the test parts, or of the validation parts, by which a choice may be made.
        prior_seconds: weights of the average training speaker, in seconds; several are compared on validation speakers only.
        announce: takes a line for every network.
        test_speeds: playing speeds of the prediction, see `UtterancePrediction`; copies of an enrolment normalize those of its speaker
            at the same speed.

    Returns:
        Points for every number and weight, for ALONE and every weight, and for ALL.

    Raises:
        FileNotFoundError: the experiment, the records or a network is missing.
        ValueError: they do not belong together, a speaker has too few utterances, or weights are compared on test speakers.
    """
    if part == "test" and len(prior_seconds) > 1:
        raise FieldError("prior_seconds", tuple(prior_seconds), "choose one, or compare them on the validation part")
    results = collect_results(folder)
    _check(results, folder, part)
    record_set = records_of(results.settings, records)
    check_speeds(record_set, test_speeds, results.settings.speeds, "test_speeds")
    tester = _Tester(results, record_set, sorted(counts), prior_seconds, test_speeds)
    uars: dict[Amount, dict[int, list[float]]] = {}
    for run in results.runs:
        announce(f"fold {run.fold} ({run.fold_name}), seed {run.seed}")
        tester.load(run_path(folder, run.fold, run.seed).with_suffix(".keras"))
        for draw in range(draws):
            for amount, value in tester.uars(run, part, draw):
                uars.setdefault(amount, {}).setdefault(run.fold, []).append(value)
    return [Point(amount, tester.seconds(amount), np.array(list(folds.values()))) for amount, folds in uars.items()]


def _check(results: Results, folder: Path, part: Part) -> None:
    settings = results.settings
    if settings.test_speeds:
        raise UsageError(
            f"{folder}: holds no networks, but predictions at several speeds; choose the experiment that trained them"
        )
    if settings.normalized_by.kind != SPEAKER:
        trained = settings.normalized_by.title
        raise UsageError(f"{folder}: trained with {trained}; choose a run of speaker statistics")
    seeds = {
        fold: {run.seed for run in results.runs if run.fold == fold} for fold in {run.fold for run in results.runs}
    }
    if len({frozenset(part) for part in seeds.values()}) > 1:
        raise ValueError(f"{folder}: its folds have different seeds; complete it with the command of the experiment")
    if part == "validation" and not all(run.validation_speakers for run in results.runs):
        raise FieldError("part", part, f"{folder} trained on its validation speakers too; choose test")


class _Tester:
    """Tests one network after another with the recordings of an amount."""

    def __init__(
        self,
        results: Results,
        record_set: RecordSet,
        counts: Sequence[int],
        prior_seconds: Sequence[float],
        test_speeds: Sequence[float],
    ):
        settings = results.settings
        self.speeds, self.test_speeds = settings.speeds or record_set.manifest.speeds, test_speeds
        self.feeder = Feeder(record_set, speaker_statistics=settings.normalized_by)
        self.statistics, self.utterances = cast(SpeakerStatistics, self.feeder.statistics), record_set.utterances
        self.counts, self.prior_seconds, self.pooling = counts, prior_seconds, settings.recipe.pooling
        self.model = (estimator := settings.system.estimator(settings.config, settings.recipe)).model
        self.prediction = UtterancePrediction(estimator, self.feeder, settings.recipe.batch_size, test_speeds)
        self.everywhere = self.statistics.everywhere()
        self.durations: dict[int | str, list[float]] = {}

    def load(self, path: Path) -> None:
        """Takes over the weights of a saved network."""
        copy_state(load_network(path), self.model)

    def seconds(self, amount: Amount) -> float | None:
        """Mean duration of the enrolment utterances of a speaker."""
        durations = self.durations.get(amount.enrolment)
        return None if durations is None else float(np.mean(durations))

    def uars(self, run: Run, part: Part, draw: int) -> Iterator[tuple[Amount, float]]:
        """UAR of the loaded network for every amount and one draw."""
        orders = [enrolment_order(names, draw) for names in self._names(run, part).values()]
        scored = [name for names in orders for name in names[self.counts[-1] :]]
        prior = average([self.statistics.statistics[key] for key in product(run.train_speakers, self.speeds)])
        for seconds in self.prior_seconds:
            yield Amount(ALONE, seconds), self._uar(scored, self._alone(scored, prior, seconds), {})
            for count in self.counts:
                self._note_duration(count, [names[:count] for names in orders])
                enrolled = self._enrolments(orders, count)
                normalizer = self._enrolled(enrolled, prior, seconds)
                adaptations = {key: self._adaptation(rows, seconds) for key, rows in enrolled.items()}
                yield Amount(count, seconds), self._uar(scored, normalizer, adaptations)
        yield Amount(ALL, None), self._uar(scored, self.everywhere, None)

    def _enrolments(self, orders: Sequence[Sequence[str]], count: int) -> dict[object, list[int]]:
        """Rows of the first utterances of every speaker at every speed of the prediction, by speaker and speed."""
        return {
            self.statistics.keys[self._copy(names[0], speed)]: [self._copy(name, speed) for name in names[:count]]
            for names in orders
            for speed in self.test_speeds
        }

    def _copy(self, name: str, speed: float) -> int:
        """Row of the copy of an utterance at a speed."""
        return self.feeder.rows[self.prediction.copies[name, speed]]

    def _adaptation(self, rows: Sequence[int], prior_seconds: float) -> Adaptation:
        share = own_share(sum(self.utterances[row].duration_seconds for row in rows), prior_seconds)
        return Adaptation([self.utterances[row].id for row in rows], share)

    def _names(self, run: Run, part: Part) -> dict[str, list[str]]:
        """Ids of the recordings of the part by speaker; they suffice for the largest enrolment."""
        rows = [row for row in self.utterances if not row.copy_of]
        if part == "test":
            tested = set(run.utterances)
            rows = [row for row in rows if row.id in tested]
        else:
            rows = [row for row in rows if row.speaker in run.validation_speakers]
        names: dict[str, list[str]] = {}
        for row in rows:
            names.setdefault(row.speaker, []).append(row.id)
        for speaker, own in names.items():
            if len(own) <= self.counts[-1]:
                problem = f"speaker {speaker} has {len(own)} utterances; choose an enrolment of fewer than that"
                raise FieldError("counts", tuple(self.counts), problem)
        return names

    def _note_duration(self, count: int, enrolled: Sequence[Sequence[str]]) -> None:
        seconds = [
            sum(self.utterances[self.feeder.rows[name]].duration_seconds for name in names) for names in enrolled
        ]
        self.durations.setdefault(count, []).extend(seconds)

    def _enrolled(
        self, rows: Mapping[object, Sequence[int]], prior: Statistics, prior_seconds: float
    ) -> SpeakerNormalizer:
        changed = {key: self.statistics.enrolled(numbers, prior, prior_seconds) for key, numbers in rows.items()}
        return SpeakerNormalizer.of({**self.statistics.statistics, **changed}, self.statistics.keys)

    def _alone(self, scored: Sequence[str], prior: Statistics, prior_seconds: float) -> SpeakerNormalizer:
        rows = [self._copy(name, speed) for name in scored for speed in self.test_speeds]
        own = {row: self.statistics.enrolled([row], prior, prior_seconds) for row in rows}
        return SpeakerNormalizer.of(own, range(len(self.utterances)))

    def _uar(
        self, scored: Sequence[str], normalizer: SpeakerNormalizer, adaptations: Mapping[object, Adaptation] | None
    ) -> float:
        """UAR of utterances; for the adaptations see `UtterancePrediction.pooled`."""
        posteriors, labels = self.prediction.pooled(scored, normalizer, (self.pooling,), adaptations)
        predicted = posteriors[self.pooling].argmax(axis=1)
        return float(metrics.uar(metrics.confusion(labels, predicted, posteriors[self.pooling].shape[1])))
