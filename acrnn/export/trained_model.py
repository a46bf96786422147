"""A fitted network with all that its answers depend on: the path from a waveform to posteriors in Python.

It is what an export must agree with, and what a run of an experiment is without one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acrnn import crossval, frontends, segments
from acrnn.console import import_quietly
from acrnn.crossval import results
from acrnn.models import MODELS, System

if TYPE_CHECKING:
    import keras

REMEDY = "name the output folder of an experiment that kept its networks (without --no-models)"


@dataclass(frozen=True)
class Trained:
    """A network of a run, or of a refit, with the settings of its experiment.

    Attributes:
        model: what its inputs name (see `network_inputs`) to logits.
        settings: of the experiment, see `crossval.Prepared.settings`.
        origin: what the network was fitted on, for the card: "speakers", "epochs", "seed" and, of a run, "fold".
    """

    model: keras.Model
    settings: dict
    origin: dict

    @classmethod
    def of_run(cls, folder: Path, fold: int, seed: int = 0) -> Trained:
        """The network of a run.

        Raises:
            FileNotFoundError, ValueError: the folder is no experiment's, the run is not there or kept no network, or a
                file is damaged.
        """
        settings = crossval.read_experiment(folder)["settings"]
        path = results.run_path(folder, fold, seed)
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such run; {REMEDY}, and one of its folds and seeds")
        run = results.read_run(path)
        origin = {"fold": fold, "seed": seed, "speakers": run.train_speakers, "epochs": run.best_epoch}
        return cls.of_network(load_network(path.with_suffix(".keras"), settings["model"]), settings, origin)

    @classmethod
    def of_network(cls, network: keras.Model, settings: dict, origin: dict) -> Trained:
        """A network as it is to be used: in float32, whatever it was trained in."""
        from acrnn.text.embedding import copy_state

        model = MODELS[settings["model"]].build(config_of(settings))
        try:
            copy_state(network, model)
        except ValueError as error:
            raise ValueError(f"the network is not the one its experiment describes ({error}); {REMEDY}") from error
        return cls(model, settings, origin)

    @property
    def system(self) -> System:
        return MODELS[self.settings["model"]]

    @cached_property
    def frontend(self) -> frontends.Spec:
        return frontends.from_dict(self.settings["frontend"])

    @cached_property
    def rule(self) -> segments.SegmentRule:
        return segments.from_dict(self.settings["segments"])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.settings["labels"])

    @property
    def pooling(self) -> str:
        return self.settings["recipe"]["pooling"]

    @cached_property
    def auxiliary_inputs(self) -> tuple[str, ...]:
        """What the network takes beside the sound, some of `auxiliary_inputs.NAMES`."""
        from acrnn.batches.network_inputs import auxiliary_inputs_of

        return auxiliary_inputs_of(self.model)

    def posteriors(self, waveforms: Sequence[np.ndarray], beside: Sequence[Mapping] | None = None) -> np.ndarray:
        """Posteriors float64 [waveforms, classes].

        Args:
            waveforms: mono, [samples] at the front end's rate.
            beside: of each waveform, what the network takes beside it: "text" a string, "speaker_embedding" [size].
        """
        from acrnn.batches.network_inputs import network_inputs

        found = []
        for waveform, auxiliary_inputs in zip(waveforms, beside or [{}] * len(waveforms), strict=True):
            parts, counts = self._parts(self.frontend.extract(waveform))
            repeated = {
                name: np.stack([np.asarray(auxiliary_inputs[name])] * len(parts)) for name in self.auxiliary_inputs
            }
            values = {"features": parts, "num_frames": counts, **repeated}
            logits = self.model.predict_on_batch(network_inputs(self.model, values))
            found.append(segments.pool_logits(np.asarray(logits), np.zeros(len(parts), int), 1, self.pooling)[0])
        return np.stack(found)

    def _parts(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.system.whole_utterances:
            return features[None], np.array([len(features)], np.int32)
        return self.rule.cut(features)


def config_of(settings: dict):
    """The `Config` of the network that an experiment's settings describe."""
    return MODELS[settings["model"]].config(**settings["network"])


def load_network(path: Path, system: str) -> keras.Model:
    """The network in a .keras file, loaded in safe mode: nothing in it is executed but layers that are known here.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or not a network of this system.
    """
    if system not in MODELS:
        raise ValueError(f"{path}: of the system {system!r}, which this version does not know; update acrnn")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such network; {REMEDY}")
    import_quietly("keras")
    import keras

    MODELS[system].register_layers()
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, OSError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ValueError(f"{path}: not a network that can be loaded ({first}); train it again") from error
