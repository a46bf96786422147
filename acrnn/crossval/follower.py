"""Workers of a training over several hosts that write nothing: they train the runs that worker 0 announces."""

from __future__ import annotations

from collections.abc import Callable

from acrnn.batches.sources import MEMORY_BYTES, Feeder
from acrnn.crossval.experiment import Experiment, Prepared
from acrnn.crossval.fold_run import FitError, FoldRunner
from acrnn.distribution import choice, hosts
from acrnn.errors import FieldError
from acrnn.recipes.recipe import AUTO


def check_hosts(experiment: Experiment) -> None:
    """Refuses what several hosts cannot do together.

    Raises:
        FieldError: the network is pre-trained, of which only worker 0 would keep the weights; or each host would choose a precision.
    """
    if not hosts.is_over_hosts():
        return
    if experiment.recipe.precision == AUTO:
        problem = "each host would choose by its own measurement; choose float32 or mixed_bfloat16"
        raise FieldError("precision", AUTO, problem)
    if experiment.initial_weights.kind in ("corpus", "time-arrow"):
        problem = "a network is pre-trained on one host; leave out the initial weights, or choose mirrored"
        raise FieldError(choice.FIELD, choice.MULTI_WORKER, problem)


def follow(experiment: Experiment, announce: Callable[[str], None] = print) -> bool:
    """Trains with worker 0 until it has no more runs; writes nothing.

    Args:
        experiment: the same experiment.
        announce: takes a line for every run.

    Returns:
        False if a run failed.

    Raises:
        RuntimeError: another worker cannot be reached.
    """
    prepared, own = Prepared.of(experiment), choice.worker()
    feeder = Feeder(prepared.records, MEMORY_BYTES, prepared.used_utterances(), experiment.speaker_statistics)
    runner, has_failed = FoldRunner(prepared, feeder), False
    while task := hosts.announced():
        announce(f"worker {own.number} of {own.workers}: fold {task[0]}, seed {task[1]}")
        try:
            runner.fit(*task, lambda epoch: None)
        except FitError as error:  # worker 0 has the same loss, and ends
            announce(f"error: {error}")
            has_failed = True
    return not has_failed
