"""Cross-validation: records × system × protocol × seeds → results. Resumable per fold and seed, in several processes.

An output folder belongs to one experiment: `experiment.json` and `split.json` are written first, and a later call with
other settings is refused. More folds or seeds of the same experiment may be added at any time.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np

from acrnn import files, frontends, segments
from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.console import import_quietly
from acrnn.crossval import leakage
from acrnn.crossval.leakage import Mistake
from acrnn.crossval.results import EXPERIMENT, Results, read_experiment, write_results
from acrnn.crossval.run import RUNS, Run, UtteranceAttention, read_run, run_path, write_run
from acrnn.crossval.settings import CorpusInfo, Settings
from acrnn.errors import UsageError
from acrnn.folds import Fold, make_folds, split_sha256
from acrnn.models import MODELS
from acrnn.progress import ProgressLine
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import RANDOM, InitialWeights
from acrnn.records import RecordSet, UtteranceRow
from acrnn.workers import CONTEXT, events

Task = tuple[int, int]  # fold, seed
SPLIT = "split.json"
_VERSIONED = ("acrnn", "tensorflow", "keras", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Experiment:
    """What is trained on what, and how it is split.

    Attributes:
        records: folder of the record set.
        model: a key of MODELS.
        recipe: how it is trained.
        protocol: a key of PROTOCOLS.
        options: fields of the system's `Config` that differ from its defaults and from the recipe's.
        save_models: keep the network of every run beside its result.
        mistake: a key of `leakage.MISTAKES` that is made on purpose, to measure what it buys; None for an honest one.
        initial_weights: where the weights of a system start from that can be pre-trained.
        speeds: of the copies of training utterances that train as well, 1 for the utterances; None for all in the records.
    """

    records: Path
    model: str
    recipe: Recipe
    protocol: str = "leave-one-speaker-out"
    options: dict = field(default_factory=dict)
    save_models: bool = True
    mistake: str | None = None
    speeds: tuple[float, ...] | None = None
    initial_weights: InitialWeights = RANDOM

    @property
    def network(self) -> dict:
        """Fields of the system's `Config`: the recipe's, overruled by the options."""
        return {**self.recipe.network, **self.options}


@dataclass(frozen=True)
class Prepared:
    """An experiment with everything that follows from it."""

    experiment: Experiment
    records: RecordSet
    config: object
    folds: tuple[Fold, ...]

    @classmethod
    def of(cls, experiment: Experiment) -> Prepared:
        """Reads the manifest, configures the network and makes the folds.

        Raises:
            FileNotFoundError, ValueError: the system is unknown; the records are missing, damaged or of another front
                end than the system's; or they cannot be split.
        """
        if experiment.model not in MODELS:
            raise ValueError(f"system {experiment.model!r} is unknown; choose from {', '.join(MODELS)}")
        record_set = RecordSet(experiment.records)
        system = MODELS[experiment.model]
        system.check_recipe(experiment.recipe, experiment.initial_weights)
        system.check_records(record_set)
        experiment.initial_weights.check(record_set)
        config = system.configure(record_set.manifest, **experiment.network)
        return cls(experiment, record_set, config, _folds(experiment, record_set))

    @property
    def mistake(self) -> Mistake | None:
        """The mistake that is made on purpose, if any."""
        return _mistake(self.experiment, self.records)

    def settings(self) -> dict:
        """The settings as a JSON object, see `Settings`: everything that a run's result depends on besides fold and seed."""
        experiment, manifest = self.experiment, self.records.manifest
        speeds = experiment.speeds or manifest.speeds
        return Settings(
            corpus=CorpusInfo(**manifest.corpus),
            records_sha256=manifest.content_sha256,
            labels=manifest.labels,
            frontend_fields=frontends.to_dict(manifest.frontend),
            segment_fields=segments.to_dict(manifest.rule),
            model=experiment.model,
            network_fields=json.loads(json.dumps(asdict(self.config))),
            recipe_fields=asdict(experiment.recipe),
            protocol=experiment.protocol,
            split_sha256=split_sha256(self.folds),
            mistake=experiment.mistake,
            speeds=speeds if experiment.speeds or len(speeds) > 1 else None,
            initial_weights=experiment.initial_weights.describe() if MODELS[experiment.model].pretrained else None,
            auxiliary_inputs=manifest.auxiliary_inputs,
        ).to_dict()


def _mistake(experiment: Experiment, record_set: RecordSet) -> Mistake | None:
    name = experiment.mistake
    return leakage.mistake(name, record_set.manifest.corpus["name"]) if name else None


def _folds(experiment: Experiment, record_set: RecordSet) -> tuple[Fold, ...]:
    rows, labels, made = record_set.utterances, record_set.manifest.labels, _mistake(experiment, record_set)
    if made is None:
        _check_speeds(experiment, record_set)
        return make_folds(experiment.protocol, rows, labels, experiment.speeds)
    rows = [row for row in rows if not row.copy_of]  # a mistake is measured by itself, without augmentation
    folds = make_folds(made.protocol or experiment.protocol, leakage.speakers_mistaken(made, rows), labels)
    return tuple(leakage.leaking_fold(made, fold, rows) for fold in folds)


def _check_speeds(experiment: Experiment, record_set: RecordSet) -> None:
    there = record_set.manifest.speeds
    if missing := [f"{speed:g}" for speed in experiment.speeds or () if speed not in there]:
        raise UsageError(
            f"--speeds {', '.join(missing)}: {record_set.folder} has {', '.join(f'{speed:g}' for speed in there)}; prepare "
            "others with: python -m data_prep CORPUS --speeds … --out FOLDER"
        )


def cross_validate(
    experiment: Experiment,
    output_dir: Path,
    folds: Sequence[int] | None = None,
    seeds: Sequence[int] = (0,),
    jobs: int = 1,
    announce: Callable[[str], None] = print,
) -> Results:
    """Runs what is missing of an experiment and returns its results, as written to results.json.

    Args:
        experiment: what to do.
        output_dir: its folder; finished runs in it are kept.
        folds: which folds, by number; None for all.
        seeds: which seeds.
        jobs: processes that work on different folds.
        announce: takes a line for every finished run.

    Raises:
        FileNotFoundError, ValueError: the experiment cannot be done (see `Prepared.of`), the folder holds another
            experiment, or a result in it is damaged.
        RuntimeError: a worker process died.
    """
    prepared = Prepared.of(experiment)
    chosen = chosen_folds(folds, prepared.folds)
    _claim(output_dir, prepared)
    files.write_json(output_dir / SPLIT, [fold.to_dict() for fold in prepared.folds])
    files.make_folder(output_dir / RUNS)
    wanted = [(fold, seed) for seed in seeds for fold in chosen]
    missing = [task for task in wanted if not run_path(output_dir, *task).exists()]
    for task in sorted(set(wanted) - set(missing)):
        read_run(run_path(output_dir, *task))  # a damaged result is told before hours of work
    if len(missing) < len(wanted):
        announce(f"{len(wanted) - len(missing)} of {len(wanted)} runs are there already")
    if missing:
        files.remove_partial(output_dir / RUNS)
        _work(prepared, output_dir, missing, jobs, announce)
    return write_results(output_dir)


def chosen_folds(folds: Sequence[int] | None, made: Sequence[Fold]) -> list[int]:
    """The folds that are asked for, by number; all for None.

    Raises:
        UsageError: there is no such fold.
    """
    if folds is None:
        return list(range(len(made)))
    for fold in folds:
        if not 0 <= fold < len(made):
            raise UsageError(f"--folds: there is no fold {fold}; the protocol has folds 0 to {len(made) - 1}")
    return list(folds)


def _claim(output_dir: Path, prepared: Prepared) -> None:
    """Writes what the folder is for, or refuses a folder that is for something else."""
    files.make_folder(output_dir)
    settings = prepared.settings()
    path = output_dir / EXPERIMENT
    if path.exists() and any((output_dir / RUNS).glob("*.json")):
        if changed := files.differences(read_experiment(output_dir)[0].to_dict(), settings):
            raise ValueError(
                f"{output_dir}: holds another experiment ({'; '.join(changed)}); "
                "choose another --output-dir or repeat its settings"
            )
        return
    files.write_sealed_json(path, {"settings": settings, "planned_folds": len(prepared.folds)})


def versions() -> dict[str, str]:
    """Versions of what computes, and the machine's kind."""
    import_quietly("keras")
    import keras

    found = {name: metadata.version(name) for name in _VERSIONED}
    return {
        **found,
        "python": platform.python_version(),
        "backend": keras.backend.backend(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def _work(
    prepared: Prepared, output_dir: Path, tasks: Sequence[Task], jobs: int, announce: Callable[[str], None]
) -> None:
    jobs = min(jobs, len(tasks))
    with _Monitor(prepared, output_dir, len(tasks), announce) as monitor:
        if jobs == 1:
            run_tasks(prepared.experiment, output_dir, tasks, monitor.take)
            return
        for event in _from_processes(prepared.experiment, output_dir, tasks, jobs):
            monitor.take(*event)


class _Monitor(ProgressLine):
    """Shows what the runs report, and writes the results anew after each of them."""

    def __init__(self, prepared: Prepared, output_dir: Path, num_tasks: int, announce: Callable[[str], None]):
        super().__init__("training", "epochs")
        self.prepared, self.output_dir, self.announce = prepared, output_dir, announce
        self.epochs, self.num_tasks = prepared.experiment.recipe.total_epochs, num_tasks
        self.finished, self.running = 0, {}

    def take(self, kind: str, fold: int, seed: int, value) -> None:
        note = ""
        if kind == "epoch":
            self.running[fold, seed] = value.epoch
            note = f"(fold {fold}, seed {seed}: loss {value.loss:.3f}, validation UAR {100 * value.validation_uar:.1f})"
        else:
            self.finished += 1
            self.running.pop((fold, seed), None)
            name = self.prepared.folds[fold].name
            self.announce(f"{self.finished} of {self.num_tasks} runs: fold {fold} ({name}), seed {seed}: {value}")
            write_results(self.output_dir)
        done = self.finished * self.epochs + sum(self.running.values())
        self.update(done, self.num_tasks * self.epochs, note)


def _from_processes(experiment: Experiment, output_dir: Path, tasks: Sequence[Task], jobs: int) -> Iterator[tuple]:
    """What happens in the worker processes, as it happens."""
    todo = CONTEXT.Queue()
    for task in [*tasks, *[None] * jobs]:
        todo.put(task)
    return events(jobs, _take_tasks, experiment, output_dir, todo, MEMORY_BYTES // jobs)


def _take_tasks(number: int, report, experiment: Experiment, output_dir: Path, todo, memory_bytes: int) -> None:
    """What a worker process does: tasks until there are none."""
    run_tasks(experiment, output_dir, iter(todo.get, None), report, memory_bytes)


def run_tasks(
    experiment: Experiment,
    output_dir: Path,
    tasks: Iterable[Task],
    report: Callable[[str, int, int, object], None],
    memory_bytes: int = MEMORY_BYTES,
) -> None:
    """Trains and scores folds and seeds, one after the other, with one compiled network.

    Args:
        experiment, output_dir: see `cross_validate`.
        tasks: (fold, seed) pairs.
        report: takes ("epoch", fold, seed, Epoch) and ("done", fold, seed, text).
        memory_bytes: a larger corpus is streamed.
    """
    import_quietly("keras")
    prepared = Prepared.of(experiment)
    feeder = Feeder(prepared.records, memory_bytes, _asked_for(prepared))
    estimator = MODELS[experiment.model].estimator(prepared.config, experiment.recipe, experiment.initial_weights)
    made = prepared.mistake
    everything = feeder.source(list(feeder.rows)) if made and made.normalised_on_everything else None
    for fold, seed in tasks:
        started = time.monotonic()
        parts = prepared.folds[fold]
        try:
            fit = estimator.fit(
                feeder.source(parts.train),
                feeder.source(parts.validation),
                seed,
                lambda epoch, fold=fold, seed=seed: report("epoch", fold, seed, epoch),
                everything,
            )
        except ValueError as error:
            raise ValueError(f"fold {fold} ({parts.name}), seed {seed}: {error}") from error
        scores = _score(prepared, feeder, estimator, parts.test)
        if experiment.save_models:
            with files.atomic_path(run_path(output_dir, fold, seed).with_suffix(".keras")) as temporary:
                estimator.save(temporary)
        run = Run(
            fold=fold,
            fold_name=parts.name,
            seed=seed,
            **_speakers(prepared.records, parts),
            best_epoch=fit.best_epoch,
            curve=fit.curve,
            **scores,
            seconds=round(time.monotonic() - started, 1),
            settings_sha256=files.sha256_of_json(prepared.settings()),
            versions=versions(),
            peak_memory_mib=_peak_memory_mib(),
        )
        write_run(output_dir, run)
        report("done", fold, seed, f"UAR {100 * run.uar:.1f} (epoch {run.best_epoch}, {run.seconds:.0f} s)")


def _peak_memory_mib() -> int | None:
    """The most memory that this process has held; None where the system does not tell."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit // 2**20


def _asked_for(prepared: Prepared) -> set[str] | None:
    """The utterances of any part of any fold; None for all in the records."""
    if not prepared.experiment.speeds:
        return None
    return {one for fold in prepared.folds for part in (fold.train, fold.validation, fold.test) for one in part}


def _speakers(record_set: RecordSet, fold: Fold) -> dict[str, list[str]]:
    speaker = {row.id: row.speaker for row in record_set.utterances}
    parts = {"train": fold.train, "validation": fold.validation, "test": fold.test}
    return {f"{part}_speakers": sorted({speaker[utterance] for utterance in ids}) for part, ids in parts.items()}


def _score(prepared: Prepared, feeder: Feeder, estimator, test: Sequence[str]) -> dict:
    """The test part, predicted once."""
    pooled, labels = estimator.pooled(feeder.source(test), segments.POOLINGS)
    posteriors = pooled[prepared.experiment.recipe.pooling]
    rows = [prepared.records.utterances[row] for row in sorted(feeder.rows[utterance] for utterance in test)]
    right = posteriors.argmax(axis=1) == labels
    return {
        "utterances": [row.id for row in rows],
        "speakers": [row.speaker for row in rows],
        "labels": labels.tolist(),
        "probabilities": posteriors.round(6).tolist(),
        "by_pooling": {pooling: scores.argmax(axis=1).tolist() for pooling, scores in pooled.items()},
        "attention": _attention(
            feeder, estimator, [row for row, is_right in zip(rows, right, strict=True) if is_right]
        ),
    }


def _attention(feeder: Feeder, estimator, rows: Sequence[UtteranceRow]) -> tuple[UtteranceAttention, ...]:
    """Attention weights for the first of the rows of every class, for the report to lay over their spectrograms."""
    shown = []
    for row in {row.label: row for row in reversed(rows)}.values():
        # as small batches as any recipe has, since an utterance may have more segments than a batch
        parts = [estimator.attention(batch.inputs) for batch in feeder.source([row.id]).ordered(1)]
        if parts[0] is not None:
            weights = np.concatenate(parts).astype(float).round(5)
            shown.append(UtteranceAttention(row.id, weights.tolist()))
    return tuple(shown)
