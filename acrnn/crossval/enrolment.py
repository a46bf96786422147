"""UAR by the number of enrolment utterances, from the saved networks of an experiment with speaker statistics.

The networks were trained with statistics of all recordings of their training speakers. Here they are tested with less: the
statistics of the first utterances of a new speaker, shrunk towards the average training speaker. The scored utterances are the
same for all numbers, so that the points of the curve can be compared. If the experiment adapts the last batch normalization,
the recordings of an enrolment do so too, and those of the training part count as much as in the statistics of features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
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
from acrnn.crossval.results import Results, collect_results, records_of
from acrnn.crossval.run import Run, run_path
from acrnn.errors import FieldError, UsageError
from acrnn.frontends.statistics import Statistics, average, own_share
from acrnn.models import load_network
from acrnn.records import RecordSet
from acrnn.training.speaker_batch_norm import SpeakerBatchNorm
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


class _Enrolment(NamedTuple):
    """Recordings of a new speaker, rows in the table of utterances, and the weight of their statistics."""

    rows: Sequence[int]
    share: float


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
    tester = _Tester(results, record_set, sorted(counts), prior_seconds)
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

    def __init__(self, results: Results, record_set: RecordSet, counts: Sequence[int], prior_seconds: Sequence[float]):
        settings = results.settings
        self.speeds = settings.speeds or record_set.manifest.speeds
        self.feeder = Feeder(record_set, speaker_statistics=settings.normalized_by)
        self.statistics, self.utterances = cast(SpeakerStatistics, self.feeder.statistics), record_set.utterances
        self.counts, self.prior_seconds = counts, prior_seconds
        self.estimator = settings.system.estimator(settings.config, settings.recipe)
        self.everywhere = self.statistics.everywhere()
        self.adapter = None
        if settings.normalized_by.batch_norm:
            self.adapter = SpeakerBatchNorm(self.estimator.model, settings.recipe.batch_size)
        self.durations: dict[int | str, list[float]] = {}

    def load(self, path: Path) -> None:
        """Takes over the weights of a saved network."""
        copy_state(load_network(path), self.estimator.model)

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
            yield Amount(ALONE, seconds), self._uar(scored, self._alone(scored, prior, seconds))
            for count in self.counts:
                enrolled = [[self.feeder.rows[name] for name in names[:count]] for names in orders]
                self._note_duration(count, enrolled)
                speakers = [self.utterances[self.feeder.rows[names[0]]].speaker for names in orders]
                rows_of = dict(zip(speakers, enrolled, strict=True))
                shares = {speaker: _Enrolment(rows, self._share(rows, seconds)) for speaker, rows in rows_of.items()}
                yield Amount(count, seconds), self._uar(scored, self._enrolled(rows_of, prior, seconds), shares)
        yield Amount(ALL, None), self._uar(scored, self.everywhere, self._everything(scored))

    def _share(self, rows: Sequence[int], prior_seconds: float) -> float:
        return own_share(sum(self.utterances[row].duration_seconds for row in rows), prior_seconds)

    def _everything(self, scored: Sequence[str]) -> dict[str, _Enrolment]:
        """All recordings of the speakers of some utterances."""
        rows_of: dict[str, list[int]] = {self.utterances[self.feeder.rows[name]].speaker: [] for name in scored}
        for row, item in enumerate(self.utterances):
            if item.speaker in rows_of and not item.copy_of:
                rows_of[item.speaker].append(row)
        return {speaker: _Enrolment(rows, 1.0) for speaker, rows in rows_of.items()}

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

    def _note_duration(self, count: int, enrolled: Sequence[Sequence[int]]) -> None:
        seconds = [sum(self.utterances[row].duration_seconds for row in rows) for rows in enrolled]
        self.durations.setdefault(count, []).extend(seconds)

    def _enrolled(
        self, rows: Mapping[str, Sequence[int]], prior: Statistics, prior_seconds: float
    ) -> SpeakerNormalizer:
        changed = {
            (speaker, 1.0): self.statistics.enrolled(numbers, prior, prior_seconds) for speaker, numbers in rows.items()
        }
        return SpeakerNormalizer.of({**self.statistics.statistics, **changed}, self.statistics.keys)

    def _alone(self, scored: Sequence[str], prior: Statistics, prior_seconds: float) -> SpeakerNormalizer:
        rows = [self.feeder.rows[name] for name in scored]
        own = {row: self.statistics.enrolled([row], prior, prior_seconds) for row in rows}
        return SpeakerNormalizer.of(own, range(len(self.utterances)))

    def _uar(
        self, scored: Sequence[str], normalizer: SpeakerNormalizer, enrolments: Mapping[str, _Enrolment] | None = None
    ) -> float:
        """UAR of utterances; the enrolments of their speakers adapt the last batch normalization, if the experiment does that."""
        parts: dict[str, list[str]] = {}
        for name in scored:
            parts.setdefault(self.utterances[self.feeder.rows[name]].speaker if enrolments else "", []).append(name)
        labels, predicted = [], []
        for speaker, names in parts.items():
            with self._adapted((enrolments or {}).get(speaker), normalizer):
                posteriors, truth = self.estimator.posteriors(self.feeder.source(names, normalizer))
            labels.append(truth)
            predicted.append(posteriors.argmax(axis=1))
        classes = posteriors.shape[1]
        return float(metrics.uar(metrics.confusion(np.concatenate(labels), np.concatenate(predicted), classes)))

    def _adapted(self, enrolment: _Enrolment | None, normalizer: SpeakerNormalizer) -> AbstractContextManager:
        if not (self.adapter and enrolment and enrolment.rows):
            return nullcontext()
        names = [self.utterances[row].id for row in enrolment.rows]
        return self.adapter.adapted(self.feeder.source(names, normalizer), enrolment.share)
