"""Training in the benchmark: steps of several networks against plain Keras, PyTorch and matrix products, and the cost of the loop."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from acrnn.batches.sources import Source
from acrnn.crossval.environment import peak_memory_mib
from acrnn.models import MODELS
from acrnn.models.chen2018.config import Config
from acrnn.recipes import CHEN2018, RECIPES, Recipe
from acrnn.recipes.recipe import BFLOAT16, FLOAT32
from acrnn.training.estimator import Epoch
from acrnn.training.precision import faster
from experiments import processor, reference_networks
from experiments.measured import median_seconds

SYSTEM = "chen2018-3d"
STEP_HEADER = (
    *("network", "batch", "segments/s, float32", "share of the matrix-product rate"),
    *("ratio to plain Keras", "ratio to PyTorch", "ratio bfloat16 / float32", "peak memory so far (MiB)"),
)
LOOP_HEADER = (
    *("network", "bare steps of an epoch (s)", "validation (s)", "epoch with validation (s)"),
    *("overhead", "overhead without validation", "waiting for batches"),
)
_EPOCHS = 11  # of which the first compiles


@dataclass(frozen=True)
class Case:
    """A network to measure, with the largest batch that keeps its steps at a few seconds."""

    title: str
    batch: int
    options: dict[str, Any]

    def config(self, manifest) -> Config:
        """Returns the network's configuration for the records of a manifest."""
        return MODELS[SYSTEM].configure(manifest, **{**CHEN2018.network, **self.options})


CASES = (
    Case("ACRNN-1 reduced", 40, {**MODELS[SYSTEM].reduced, "conv_layers": 1}),
    Case("ACRNN-1", 40, {"conv_layers": 1}),
    Case("ACRNN-3", 8, {"conv_layers": 3}),
    Case("ACRNN-5", 8, {"conv_layers": 5}),
)


def step_rows(source: Source, manifest, repeats: int, cases: tuple[Case, ...] = CASES) -> Iterator[list[str]]:
    """Yields a table row for each network; all ways of a row take turns.

    Args:
        source: segments; the first batch is used.
        manifest: manifest of their record set.
        repeats: number of timings.
        cases: the networks.
    """
    for case in cases:
        config = case.config(manifest)
        batch = next(source.ordered(case.batch))
        features, labels = batch.inputs["features"][..., : config.channels], batch.labels
        jobs = {
            "float32": own_step(config, source, case.batch, FLOAT32),
            "bfloat16": own_step(config, source, case.batch, BFLOAT16),
            "keras": reference_networks.keras_step(config, features, labels),
            "product": processor.matrix_product(),
        }
        if importlib.util.find_spec("torch"):
            jobs["torch"] = reference_networks.torch_step(config, features, labels)
        seconds = dict(zip(jobs, median_seconds(list(jobs.values()), repeats), strict=True))
        rate = reference_networks.step_operations(config, len(labels)) / seconds["float32"]
        yield [
            case.title,
            str(len(labels)),
            f"{len(labels) / seconds['float32']:.3g}",
            f"{rate / (processor.OPERATIONS / seconds['product']):.2f}",
            f"{seconds['keras'] / seconds['float32']:.2f}",
            f"{seconds['torch'] / seconds['float32']:.2f}" if "torch" in seconds else "not installed",
            f"{seconds['float32'] / seconds['bfloat16']:.2f}",
            str(peak_memory_mib()),
        ]


def segment_seconds(source: Source, manifest, repeats: int, cases: tuple[Case, ...] = CASES[1:]) -> dict[int, float]:
    """Returns the seconds of a training step per segment by depth, in the precision that is faster here."""
    jobs = {}
    for case in cases:
        config = case.config(manifest)
        jobs[config.conv_layers] = own_step(config, source, case.batch, faster())
    seconds = median_seconds(list(jobs.values()), repeats)
    return {depth: each / case.batch for depth, each, case in zip(jobs, seconds, cases, strict=True)}


def own_step(config, source: Source, size: int, precision: str) -> Callable[[], object]:
    """Returns a step as the training loop makes it, on the first batch."""
    recipe = replace(CHEN2018, precision=precision, batch_size=size)
    network = MODELS[SYSTEM].estimator(config, recipe)
    network.adapt(source)
    steps, batch = network.training_steps(source, 0), next(source.ordered(size))
    return lambda: steps.step(batch)


def loop_rows(train: Source, validation: Source, manifest, cases: tuple[Case, ...] = CASES[:2]) -> Iterator[list[str]]:
    """Yields a table row for each network: an epoch of the training loop against as many bare calls of `train_on_batch`."""
    for case in cases:
        config = case.config(manifest)
        recipe = replace(RECIPES["chen2018"], epochs=_EPOCHS, batch_size=case.batch)
        yield [case.title, *_loop(config, recipe, train, validation)]


def _loop(config, recipe: Recipe, train: Source, validation: Source) -> list[str]:
    network = MODELS[SYSTEM].estimator(config, recipe)
    batches = list(train.shuffled(recipe.batch_size, np.random.default_rng(0)))  # full ones, as those of an epoch
    targets = [np.eye(config.num_classes, dtype=np.float32)[batch.labels] for batch in batches]

    def bare() -> None:
        for batch, target in zip(batches, targets, strict=True):
            network.model.train_on_batch(batch.inputs, target)

    turns: list[tuple[float, float]] = []

    def take_turns(_: Epoch) -> None:
        started = time.perf_counter()
        bare()
        trained = time.perf_counter()
        network.posteriors(validation)
        turns.append((trained - started, time.perf_counter() - trained))

    epochs = network.fit(train, validation, 0, take_turns).curve[1:]  # the first compiles
    steps, validating = (statistics.median(each) for each in zip(*turns[1:], strict=True))
    epoch = statistics.median(each.seconds for each in epochs)
    waiting = statistics.median(each.waiting_share or 0.0 for each in epochs)
    overheads = [f"{100 * (seconds / steps - 1):.0f} %" for seconds in (epoch, epoch - validating)]
    return [f"{steps:.3g}", f"{validating:.3g}", f"{epoch:.3g}", *overheads, f"{100 * waiting:.1f} %"]
