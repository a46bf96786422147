"""Cross-corpus tests: a network is trained on all speakers of one corpus and tested on the shared emotions of another.

Nothing is selected: the last epoch counts, and no recording of the other corpus is used before the test. A network knows all
emotions of its own corpus; of its posteriors, those of the shared emotions are kept and scaled to sum to one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from acrnn import files, frontends, recipes, segments
from acrnn.batches.sources import Feeder, Source
from acrnn.batches.speaker_statistics import ENROLMENT, Choice, average
from acrnn.console import import_quietly
from acrnn.crossval import determinism
from acrnn.crossval.claim import claimed, settings_at
from acrnn.crossval.environment import peak_memory_mib, versions
from acrnn.crossval.experiment import check_batch_norm, check_speakers
from acrnn.crossval.prediction.utterances import UtterancePrediction
from acrnn.crossval.results import EXPERIMENT, RESULTS
from acrnn.crossval.run import RUNS, Run, read_run, run_path, write_run
from acrnn.crossval.settings import network_fields_of
from acrnn.crossval.summary import Overall, summarize
from acrnn.errors import FieldError
from acrnn.models import MODELS
from acrnn.recipes import Recipe
from acrnn.recipes.augmentation import check_features
from acrnn.records import RecordSet, UtteranceRow
from acrnn.records.disjoint import check_pair
from acrnn.training.estimator import Epoch

_FORMAT = "acrnn-cross-corpus"
_FOLD = 0  # every seed is one run: all speakers train, and all of the other corpus test


@dataclass(frozen=True)
class CrossCorpus:
    """The declaration of a cross-corpus test.

    Attributes:
        train, test: record sets of the two corpora.
        model: key of the system in MODELS.
        recipe: training recipe; it must keep the last epoch.
        options: fields of the system's `Config` that differ from its defaults and from the recipe's.
        speaker_statistics: recordings whose mean and deviation normalize the features of an utterance.
    """

    train: RecordSet
    test: RecordSet
    model: str
    recipe: Recipe
    options: Mapping = field(default_factory=dict)
    speaker_statistics: Choice = Choice()

    def __post_init__(self):
        if self.model not in MODELS:
            raise FieldError("model", self.model, f"this system is unknown; choose from {', '.join(MODELS)}")
        if self.recipe.epoch_choice != "last":
            raise FieldError(
                "epoch_choice",
                self.recipe.epoch_choice,
                "all speakers train, so that none is left to select an epoch; choose last",
            )
        MODELS[self.model].check_recipe(self.recipe)
        MODELS[self.model].check_records(self.train)
        check_batch_norm(self.model, self.speaker_statistics, self.config)
        for records in (self.train, self.test):
            check_speakers(self.speaker_statistics, records)
            check_features(self.recipe.augmentation, records.manifest.frontend, str(self.speaker_statistics))
        check_pair(self.train, self.test)
        self._check_enrolment()

    @cached_property
    def emotions(self) -> tuple[str, ...]:
        """The shared emotions, in the order of the training corpus."""
        return tuple(name for name in self.train.manifest.labels if name in self.test.manifest.labels)

    @cached_property
    def config(self) -> Any:
        """`Config` of the network, which has all emotions of the training corpus."""
        options = {**self.recipe.network, **self.options}
        return MODELS[self.model].configure(self.train.manifest, **options)

    def training_ids(self) -> list[str]:
        """Ids of the training utterances: all recordings, and their copies at other speeds if the records have any."""
        return [row.id for row in self.train.utterances]

    def recordings(self) -> list[UtteranceRow]:
        """All recordings of the test corpus, whose statistics normalize its features; their labels are not used for that."""
        return [row for row in self.test.utterances if not row.copy_of]

    def test_ids(self) -> list[str]:
        """Ids of the test utterances: the recordings of shared emotions."""
        return [row.id for row in self.recordings() if row.emotion in self.emotions]

    def _check_enrolment(self) -> None:
        """Refuses an enrolment that leaves no utterance of a speaker to score."""
        if self.speaker_statistics.kind != ENROLMENT:
            return
        of_speaker: dict[str, list[UtteranceRow]] = {}
        for row in self.recordings():
            of_speaker.setdefault(row.speaker, []).append(row)
        tested = set(self.test_ids())
        for speaker, rows in of_speaker.items():
            if tested.intersection(row.id for row in rows) <= set(self.speaker_statistics.enrolled(rows)):
                problem = f"speaker {speaker} of {self.test.folder} has no other utterance of a shared emotion to score"
                raise FieldError("speaker_statistics", str(self.speaker_statistics), problem)

    def settings(self) -> dict:
        """Everything that a run's result depends on besides the seed, as a JSON object."""
        manifest = self.train.manifest
        settings = {
            "train": _described(self.train),
            "test": _described(self.test),
            "labels": list(self.emotions),
            "frontend": frontends.to_dict(manifest.frontend),
            "segments": segments.to_dict(manifest.rule),
            "model": self.model,
            "network": network_fields_of(self.config),
            "recipe": recipes.to_dict(self.recipe),
            "speaker_statistics": str(self.speaker_statistics),
        }
        return json.loads(json.dumps(settings))  # lists instead of tuples, as in the file


@dataclass(frozen=True)
class CrossCorpusResults:
    """Results of a cross-corpus test.

    Attributes:
        settings: see `CrossCorpus.settings`.
        overall: summary over the runs; its pooled interval is over the speakers of the test corpus.
        runs: a run for every seed; their labels and posteriors are of the shared emotions.
    """

    settings: Mapping
    overall: Overall
    runs: tuple[Run, ...]

    def to_dict(self) -> dict:
        """The results as a JSON object."""
        runs = [run.to_dict() for run in self.runs]
        return {"format": _FORMAT, "settings": self.settings, "overall": self.overall.to_dict(), "runs": runs}


def _described(records: RecordSet) -> dict:
    manifest = records.manifest
    return {
        "corpus": manifest.corpus,
        "records_sha256": manifest.content_sha256,
        "labels": list(manifest.labels),
        "speakers": len(manifest.counts),
    }


def restricted(posteriors: np.ndarray, labels: Sequence[str], kept: Sequence[str]) -> np.ndarray:
    """Returns the posteriors of some emotions, given that one of them is true: p(k) / Σ p over the kept ones.

    Args:
        posteriors: float [utterances, classes].
        labels: emotions of the columns.
        kept: emotions to keep, in their new order.

    Returns:
        float64 [utterances, kept]; each row sums to one.
    """
    # a tiny amount keeps a row defined whose posteriors of all kept emotions are zero
    chosen = np.asarray(posteriors, np.float64)[:, [list(labels).index(name) for name in kept]] + 1e-12
    return chosen / chosen.sum(axis=1, keepdims=True)


def run_cross_corpus(
    declared: CrossCorpus,
    output_dir: Path,
    seeds: Sequence[int] = (0,),
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> CrossCorpusResults:
    """Runs what is missing of a cross-corpus test, writes results.json and returns the results.

    Args:
        declared: the test.
        output_dir: its folder; finished runs in it are kept.
        seeds: random seeds.
        on_epoch: called after every epoch.

    Raises:
        ValueError: the folder holds another test, a file in it is damaged, or the training loss is not finite.
        OSError: another process works in the folder.
    """
    settings = declared.settings()
    with claimed(output_dir, {"format": _FORMAT, "settings": settings}):
        missing = [seed for seed in seeds if not run_path(output_dir, _FOLD, seed).exists()]
        if missing:
            runner = _Runner(declared)
            for seed in missing:
                write_run(output_dir, runner.run(seed, on_epoch, files.sha256_of_json(settings)))
        results = read_cross_corpus(output_dir)
        files.write_sealed_json(output_dir / RESULTS, results.to_dict())
    return results


def read_cross_corpus(folder: Path) -> CrossCorpusResults:
    """Reads the finished runs of a cross-corpus test.

    Raises:
        FileNotFoundError: the folder holds no test.
        ValueError: a file in it is damaged.
    """
    settings = settings_at(folder / EXPERIMENT)
    runs = tuple(read_run(path) for path in sorted((folder / RUNS).glob("fold*_seed*.json")))
    return CrossCorpusResults(settings, summarize(runs, settings["labels"], 1), runs)


class _Runner:
    """Trains a network and tests it, seed by seed, with the records in memory."""

    def __init__(self, declared: CrossCorpus):
        import_quietly("keras")
        determinism.apply()
        self.declared, choice = declared, declared.speaker_statistics
        self.train = Feeder(declared.train, ids=declared.training_ids(), speaker_statistics=choice)
        recordings = [row.id for row in declared.recordings()]
        self.test = Feeder(declared.test, ids=recordings, speaker_statistics=choice)
        self.estimator = MODELS[declared.model].estimator(declared.config, declared.recipe)

    def run(self, seed: int, on_epoch: Callable[[Epoch], None], settings_sha256: str) -> Run:
        started = time.monotonic()
        fit = self.estimator.fit(self.train.source(list(self.train.rows)), self._monitor(), seed, on_epoch)
        manifest, emotions = self.declared.train.manifest, self.declared.emotions
        posteriors, rows = self._tested()
        train_speakers = sorted({row.speaker for row in self.declared.train.utterances})
        return Run(
            fold=_FOLD,
            fold_name=f"{manifest.corpus['name']} to {self.declared.test.manifest.corpus['name']}",
            seed=seed,
            train_speakers=train_speakers,
            validation_speakers=[],
            test_speakers=sorted({row.speaker for row in rows}),
            best_epoch=fit.best_epoch,
            curve=fit.curve,
            utterances=[row.id for row in rows],
            speakers=[row.speaker for row in rows],
            labels=[emotions.index(row.emotion) for row in rows],
            probabilities=restricted(posteriors, manifest.labels, emotions).round(6).tolist(),
            attention=(),
            seconds=round(time.monotonic() - started, 1),
            settings_sha256=settings_sha256,
            versions=versions(),
            peak_memory_mib=peak_memory_mib(),
        )

    def _monitor(self) -> Source:
        """Recordings of one training speaker: `fit` reports figures of them, which select nothing."""
        rows = self.declared.train.utterances
        return self.train.source([row.id for row in rows if row.speaker == rows[0].speaker and not row.copy_of])

    def _tested(self) -> tuple[np.ndarray, list[UtteranceRow]]:
        """Posteriors float [utterances, classes] and rows of the test utterances, without those of an enrolment."""
        ids, normalizer = list(self.test.rows), None
        if self.train.statistics is not None and self.test.statistics is not None:
            prior = average(list(self.train.statistics.statistics.values()))
            normalizer, ids = self.test.statistics.of_new_speakers(ids, prior)
        chosen = set(ids).intersection(self.declared.test_ids())
        rows = [row for row in self.declared.test.utterances if row.id in chosen]
        recipe = self.declared.recipe
        prediction = UtterancePrediction(self.estimator, self.test, recipe.batch_size)
        names = [row.id for row in rows]
        pooled, _ = prediction.pooled(names, normalizer, (recipe.pooling,))
        return pooled[recipe.pooling], rows
