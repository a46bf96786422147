"""Parts of a training step and their times: the network cut after each of its parts, trained for a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import keras
import numpy as np
from keras import ops

from acrnn.models import MODELS
from acrnn.models.chen2018.config import Config
from experiments import processor, reference_networks
from experiments.benchmark_training import CASES, SYSTEM, Case, own_step
from experiments.measured import median_seconds

_LEAST_SECONDS = 30.0  # of the turns of a network's cuts, since parts are differences of medians
HEADER = ("network", "part", "seconds", "share of the step", "share of the matrix-product rate")
_TITLES = {
    "conv_1": "normalization, first convolution, pooling",
    "linear": "linear layer",
    "blstm": "BLSTM",
    "logits": "attention, dense layers",
}


def rows(
    source,
    manifest,
    repeats: int,
    cases: tuple[Case, ...] = (*CASES[:2], CASES[-1]),
    least_seconds: float = _LEAST_SECONDS,
) -> Iterator[list[str]]:
    """Yields a table row for each part of each network, float32; all cuts of a network take turns.

    The time of a part is the difference between the cuts after it and before it; the rest of the step is the optimizer, which
    changes nothing in the cuts, the loss, and the averages of the weights. A part of little work is lost in the noise; a difference
    below zero is shown as "–".
    """
    for case in cases:
        config = case.config(manifest)
        batch = next(source.ordered(case.batch))
        operations = reference_networks.operations_by_part(config, len(batch.labels))
        model = MODELS[SYSTEM].build(config)
        jobs = [_cut(model, config, name, batch.inputs) for name in operations]
        jobs += [own_step(config, source, case.batch, "float32"), processor.matrix_product()]
        *cuts, step, product = median_seconds(jobs, repeats, least_seconds)
        rate, before = processor.OPERATIONS / product, 0.0
        names = [_TITLES.get(name, "further convolutions") for name in operations]
        for title, count, seconds in zip(
            [*names, "optimizer, loss"], [*operations.values(), 0], [*cuts, step], strict=True
        ):
            yield [case.title, title, *_shown(seconds - before, step, count / rate)]
            before = seconds


def _shown(spent: float, step: float, ideal: float) -> list[str]:
    """Cells of a part that took `spent` seconds of a step, and would take `ideal` seconds at the matrix-product rate."""
    if spent <= 0:
        return ["–"] * 3
    return [f"{spent:.3g}", f"{100 * spent / step:.0f} %", f"{ideal / spent:.2f}" if ideal else "–"]


def _cut(model: keras.Model, config: Config, name: str, inputs: dict[str, np.ndarray]) -> Callable[[], object]:
    """Returns a step with the network up to a part, whose optimizer is the simplest there is."""
    layer = name
    if name.startswith("conv"):
        layer += "_masked" if config.masked else "_activation"
    cut = keras.Model(model.input, model.get_layer(layer).output)
    cut.compile(keras.optimizers.SGD(0.0), loss=lambda _, output: ops.mean(output))
    targets = np.zeros(len(inputs["num_frames"]), np.float32)
    return lambda: cut.train_on_batch(inputs, targets)
