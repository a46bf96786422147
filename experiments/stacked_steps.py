"""Measures whether training several networks at once, as one with a leading axis of replicas, is faster than one after the other.

    KERAS_BACKEND=jax python experiments/stacked_steps.py --replicas 2,4 --output stacked_steps.md

The gradients of a training step of the reduced ACRNN-1 are compiled once alone and once under `jax.vmap` over weights and batches.
Both take turns, and the table has the ratio of their medians, the time of the compilation, and how far the gradients of the
first replica differ. Expect no gain on a CPU, since convolutions with weights per replica become grouped convolutions.
Training does not stack runs for that reason; on a GPU the figures may differ.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # run by its path: the packages of the checkout are not installed
    sys.path.insert(0, str(Path(__file__).parent.parent))

import numpy as np

from acrnn.console import Parser, import_quietly, numbers, positive, run_job
from acrnn.errors import UsageError
from acrnn.models import MODELS
from acrnn.reports.tables import markdown
from experiments.measured import add_output, median_seconds, show

SYSTEM, BATCH, CLASSES = "chen2018-3d", 40, 7
HEADER = (
    "replicas",
    "one after the other (s)",
    "stacked (s)",
    "gain",
    "compilation of the stack (s)",
    "gradients differ by",
)


class Replicas(NamedTuple):
    """Weights, other variables, and a batch of each replica, as lists of arrays with a leading axis of replicas."""

    weights: list[np.ndarray]
    others: list[np.ndarray]
    features: np.ndarray
    num_frames: np.ndarray
    labels: np.ndarray

    def of(self, place: int) -> Replicas:
        """Returns the parts of one replica."""
        return Replicas(
            [w[place] for w in self.weights], [o[place] for o in self.others], *(p[place] for p in self[2:])
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status: 0, 1 for a failed job, 2 for wrong usage."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--replicas", type=numbers, default=[2, 4], metavar="N,N", help="sizes of a stack (default: 2,4)"
    )
    parser.add_argument("--repeats", type=positive, default=5, metavar="N", help="timings (default: %(default)s)")
    add_output(parser)
    options = parser.parse_args(argv)
    return run_job(lambda: run(options), parser)


def run(options: argparse.Namespace) -> int:
    """Times every size of a stack and prints the table."""
    import_quietly("keras")
    import keras

    from experiments import processor

    if keras.backend.backend() != "jax":
        raise UsageError("stacked steps need JAX; set the environment variable KERAS_BACKEND=jax")
    config = MODELS[SYSTEM].config(CLASSES, **{**MODELS[SYSTEM].reduced, "conv_layers": 1})
    rows = [_row(config, count, options.repeats) for count in options.replicas]
    lead = f"{processor.description()}; batches of {BATCH}; medians of {options.repeats}; {time.strftime('%Y-%m-%d')}."
    show(f"{lead}\n\n{markdown(HEADER, rows)}", options)
    return 0


def _row(config, count: int, repeats: int) -> list[str]:
    import jax

    step, replicas = gradient_step(config), replicas_of(config, count)
    single, stacked = jax.jit(step), jax.jit(jax.vmap(step))

    def alone() -> list:
        return [jax.block_until_ready(single(*replicas.of(place))) for place in range(count)]

    started = time.perf_counter()
    together = jax.block_until_ready(stacked(*replicas))
    compiled = time.perf_counter() - started
    seconds = median_seconds([alone, lambda: jax.block_until_ready(stacked(*replicas))], repeats)
    difference = relative_difference(alone()[0], [every[0] for every in together])
    gain = seconds[0] / seconds[1]
    return [str(count), f"{seconds[0]:.3g}", f"{seconds[1]:.3g}", f"{gain:.2f}", f"{compiled:.0f}", f"{difference:.1e}"]


def relative_difference(gradients: Sequence, others: Sequence) -> float:
    """Largest difference of two lists of arrays, relative to the largest value; some weights have no gradient but rounding."""
    pairs = [(np.asarray(one), np.asarray(other)) for one, other in zip(gradients, others, strict=True)]
    return float(max(np.abs(one - other).max() for one, other in pairs) / max(np.abs(one).max() for one, _ in pairs))


def gradient_step(config) -> Callable[..., list]:
    """Returns a function from the parts of a replica to the gradients of its weights."""
    import jax
    import jax.numpy as jnp

    model = MODELS[SYSTEM].build(config)

    def loss(weights, others, features, num_frames, labels):
        inputs = {"features": features, "num_frames": num_frames}
        logits, _ = model.stateless_call(weights, others, inputs, training=True)
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])

    return jax.grad(loss)


def replicas_of(config, count: int) -> Replicas:
    """Returns random replicas: weights of different seeds, and batches of noise."""
    import keras

    generator, weights, others = np.random.default_rng(0), [], []
    for seed in range(count):
        keras.utils.set_random_seed(seed)
        model = MODELS[SYSTEM].build(config)
        weights.append([np.array(variable.value) for variable in model.trainable_variables])
        others.append([np.array(variable.value) for variable in model.non_trainable_variables])
    shape = (count, BATCH, config.frames, config.bands, config.record_channels)
    return Replicas(
        [np.stack(parts) for parts in zip(*weights, strict=True)],
        [np.stack(parts) for parts in zip(*others, strict=True)],
        generator.standard_normal(shape).astype(np.float32),
        generator.integers(config.frames // 3, config.frames + 1, shape[:2]).astype(np.int32),
        generator.integers(0, config.num_classes, shape[:2]).astype(np.int32),
    )


if __name__ == "__main__":
    sys.exit(main())
