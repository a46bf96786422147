"""Stacked training steps: the gradients of each replica are those of a step alone."""

import json
import os
import subprocess
import sys

from support.long_tests import long_test

from acrnn.crossval import environment
from experiments import processor, stacked_steps

PROGRAM = """
import json, jax, numpy as np
from acrnn.models.chen2018.config import Config
from experiments import stacked_steps
config = Config(num_classes=3, frames=24, first_filters=4, linear_units=8, lstm_units=4, dense_units=8)
step, replicas = stacked_steps.gradient_step(config), stacked_steps.replicas_of(config, 3)
stacked = jax.vmap(step)(*replicas)
alone = [step(*replicas.of(place)) for place in range(3)]
difference = stacked_steps.relative_difference
print(json.dumps([difference(alone[place], [every[place] for every in stacked]) for place in range(3)]
                 + [difference(alone[0], alone[1])]))
"""


@long_test
def test_a_stack_has_the_gradients_of_its_replicas():
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    *differences, between = json.loads(output.stdout)
    assert len(differences) == 3 and max(differences) < 1e-4
    assert between > 0.1  # replicas have different weights and batches


def test_another_backend_is_refused(capsys):
    assert stacked_steps.main(["--replicas", "2"]) == 2
    assert "KERAS_BACKEND=jax" in capsys.readouterr().err


def test_the_page_names_the_backend_that_was_measured(monkeypatch):
    versions = {"jax": "0.9", "keras": "3.15", "numpy": "2.4", "python": "3.11", "backend": "jax"}
    monkeypatch.setattr(environment, "versions", lambda: versions)
    assert processor.description().endswith("; jax 0.9, keras 3.15, numpy 2.4, python 3.11")
