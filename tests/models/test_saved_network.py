"""Saved networks of every system load in a process that has imported `acrnn.models` alone."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from support.networks import inputs_of, small_config

from acrnn.models import MODELS, load_network

PROGRAM = """
import json, sys
import numpy as np
from acrnn.models import load_network

results = {}
for path in sys.argv[1:]:
    try:
        model = load_network(path)
    except ValueError as error:
        results[path] = str(error)
    else:
        inputs = dict(np.load(path.replace(".keras", ".npz")))
        expected = inputs.pop("logits")
        results[path] = float(np.abs(np.asarray(model(inputs)) - expected).max())
print(json.dumps(results))
"""


def write_network(path: Path, name: str) -> None:
    """Saves an untrained network of a system, with inputs and logits beside it."""

    class Built:
        model = MODELS[name].build(small_config(name))

    inputs = inputs_of(Built)
    np.savez(path.with_suffix(".npz"), **inputs, logits=np.asarray(Built.model(inputs)))
    Built.model.save(path)


@keras.saving.register_keras_serializable("elsewhere")
class UnknownLayer(keras.layers.Layer):
    """A layer that the other process does not have."""

    def call(self, x):
        return x


def test_networks_of_every_system_load_in_a_fresh_process_and_unknown_layers_are_refused(tmp_path):
    paths = [tmp_path / f"{name}.keras" for name in MODELS]
    for path in paths:
        write_network(path, path.stem)
    x = keras.Input((3,))
    keras.Model(x, UnknownLayer()(x)).save(tmp_path / "unknown.keras")
    command = [sys.executable, "-c", PROGRAM, *map(str, paths), str(tmp_path / "unknown.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    *differences, refused = json.loads(done.stdout.splitlines()[-1]).values()
    assert len(differences) == len(MODELS) and max(differences) < 1e-5
    assert "unknown.keras: not a network that can be loaded (its layer UnknownLayer is unknown)" in refused


def test_a_missing_or_damaged_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.keras: no such file"):
        load_network(tmp_path / "nowhere.keras")
    (tmp_path / "damaged.keras").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=r"damaged.keras: not a network that can be loaded .*train it again"):
        load_network(str(tmp_path / "damaged.keras"))
