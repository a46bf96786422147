"""A trained network with the settings that its predictions depend on, as a reference in Python: waveform to posteriors.

Every export must agree with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from acrnn import frontends, models, segments
from acrnn.batches.speaker_statistics import BATCH_NORM_LAYER, CORPUS, UTTERANCE, SpeakerStatistics
from acrnn.crossval.results import read_experiment, records_of
from acrnn.crossval.run import read_run, run_path
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError, UsageError
from acrnn.export import training_sounds
from acrnn.frontends.statistics import Prior, average
from acrnn.models import MODELS, System

if TYPE_CHECKING:
    import keras

    from acrnn.records.sound_sample import SoundSample

REMEDY = "name the output folder of an experiment that saved its networks"


@dataclass(frozen=True)
class TrainedModel:
    """A network of a run, or of a refit, with the settings of its experiment; or an ensemble of such networks.

    Attributes:
        model: the network; returns logits for the inputs of `network_inputs.network_inputs`. The first one of an ensemble.
        settings: settings of the experiment, see `crossval.settings`.
        origin: training of the network, for the card, see `Card.fitted_on`.
        prior: the average training speaker of a network that was trained on features normalized by their speakers; it takes
            speaker profiles. None for others.
        sounds: the sounds of the training, where its records were named; None for others.
        others: the other networks of an ensemble, whose posteriors are averaged: equal to the first but for their weights.
    """

    model: keras.Model
    settings: Settings
    origin: dict
    prior: Prior | None = None
    sounds: SoundSample | None = None
    others: tuple[keras.Model, ...] = ()

    @classmethod
    def of_run(cls, folder: Path, fold: int, seed: int = 0, records: Path | None = None) -> TrainedModel:
        """Loads the network of a run.

        Args:
            folder: output folder of the experiment.
            fold, seed: number of the fold and random seed of the run.
            records: record set of the experiment; needed for a network that was trained with speaker statistics, and for the
                sounds of the training.

        Raises:
            FileNotFoundError: the folder is not an experiment, or the run, its network or the records are missing.
            ValueError: a file is damaged, or the network was trained with statistics that an export does not compute.
        """
        settings, _ = read_experiment(folder)
        check_statistics(folder, settings, records)
        network, origin = network_of_run(folder, settings, fold, seed)
        prior, sounds = prior_of(settings, records, origin["speakers"]), None
        if records is not None:
            sounds = training_sounds.of_run(folder, settings, fold, records_of(settings, records))
        return cls.of_network(network, settings, origin, prior, sounds)

    @classmethod
    def of_network(
        cls,
        network: keras.Model,
        settings: Settings,
        origin: dict,
        prior: Prior | None = None,
        sounds: SoundSample | None = None,
    ) -> TrainedModel:
        """Returns a copy of a network in float32, whatever the precision of its training.

        Args:
            network: the trained network.
            settings, origin, prior, sounds: see the attributes.

        Raises:
            ValueError: the network does not fit the settings.
        """
        from acrnn.training.state import copy_state

        model = settings.system.build(settings.config)
        try:
            copy_state(network, model)
        except ValueError as error:
            raise ValueError(f"the network does not fit the settings of its experiment ({error}); {REMEDY}") from error
        speeds = list(settings.speeds or ())
        return cls(model, settings, origin | ({"speeds": speeds} if len(speeds) > 1 else {}), prior, sounds)

    @property
    def networks(self) -> tuple[keras.Model, ...]:
        """All networks: one, or those of an ensemble."""
        return self.model, *self.others

    @property
    def system(self) -> System:
        """The system's declaration."""
        return self.settings.system

    @property
    def frontend(self) -> frontends.Spec:
        """The front end of the records."""
        return self.settings.frontend

    @property
    def rule(self) -> segments.SegmentRule:
        """The segment rule of the records."""
        return self.settings.rule

    @property
    def labels(self) -> tuple[str, ...]:
        """Emotions in the order of the network's outputs."""
        return self.settings.labels

    @property
    def pooling(self) -> str:
        """Pooling of segments, see `segments.pool_logits`."""
        return self.settings.recipe.pooling

    @cached_property
    def auxiliary_inputs(self) -> tuple[str, ...]:
        """Auxiliary inputs of the network, some of `records.auxiliary_inputs.NAMES`."""
        from acrnn.batches.network_inputs import auxiliary_inputs_of

        return auxiliary_inputs_of(self.model)

    @property
    def has_dense(self) -> bool:
        """True for a network with a batch-normalized dense layer before its logits, which takes speaker profiles."""
        return any(layer.name == BATCH_NORM_LAYER for layer in self.model.layers)

    def posteriors(
        self, waveforms: Sequence[np.ndarray], auxiliary_inputs: Sequence[Mapping] | None = None
    ) -> np.ndarray:
        """Posteriors of utterances.

        Args:
            waveforms: mono, each float [samples] at the front end's rate.
            auxiliary_inputs: for each waveform the network's auxiliary inputs: "text" a string, "speaker_embedding"
                float [size]; and for one with a speaker profile, "speaker_statistics" float [2, bands, channels] and
                "speaker_dense" float [2, units], those of one network of an ensemble after the other.

        Returns:
            float64 [waveforms, classes].
        """
        if auxiliary_inputs is None:
            auxiliary_inputs = [{}] * len(waveforms)
        return np.stack([self._posterior(*pair) for pair in zip(waveforms, auxiliary_inputs, strict=True)])

    def _posterior(self, waveform: np.ndarray, auxiliary_inputs: Mapping) -> np.ndarray:
        from acrnn.batches.network_inputs import network_inputs

        features = self.frontend.extract(waveform)
        if self.prior:
            from acrnn.export.speaker_normalization import INPUT, normalized

            features = normalized(features, self.prior, auxiliary_inputs.get(INPUT))
        parts, counts = self._segments(features)
        repeated = {name: np.stack([np.asarray(auxiliary_inputs[name])] * len(parts)) for name in self.auxiliary_inputs}
        inputs = network_inputs(self.model, {"features": parts, "num_frames": counts, **repeated})
        dense, count = auxiliary_inputs.get("speaker_dense"), len(self.networks)
        profiles = [None] * count if dense is None else np.split(dense, count, axis=1)
        logits = [_logits(*pair, inputs) for pair in zip(self.networks, profiles, strict=True)]
        return segments.pool_logits(np.stack(logits, axis=1), np.zeros(len(parts), int), 1, self.pooling)[0]

    def dense_statistics(self) -> dict[str, list[float]] | None:
        """Mean and variance of the batch-normalized dense layer on the training part; None for a network without one.

        Those of an ensemble have the units of one network after the other.
        """
        if not self.has_dense:
            return None
        layers = [network.get_layer(BATCH_NORM_LAYER) for network in self.networks]
        values = {"mean": [each.moving_mean for each in layers], "variance": [each.moving_variance for each in layers]}
        return {name: np.concatenate(parts).astype(float).tolist() for name, parts in values.items()}

    def _segments(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.system.whole_utterances:
            return features[None], np.array([len(features)], np.int32)
        return self.rule.cut(features)


def _logits(network: keras.Model, profile: np.ndarray | None, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Logits of segments; the last batch normalization has the mean and variance of a speaker profile, if there is one."""
    if profile is None:
        return np.asarray(network.predict_on_batch(inputs))
    from acrnn.training.speaker_batch_norm import exchanged

    with exchanged(network.get_layer(BATCH_NORM_LAYER), *profile):
        return np.asarray(network.predict_on_batch(inputs))


def check_speeds(folder: Path, settings: Settings) -> None:
    """Refuses an experiment that predicted at several speeds, since an exported model predicts at one.

    Raises:
        UsageError: it did.
    """
    if settings.test_speeds:
        raise UsageError(
            f"{folder}: its predictions are means over several speeds, and an exported model predicts at one; export the experiment "
            "that trained the networks"
        )


def check_statistics(folder: Path, settings: Settings, records: Path | None) -> None:
    """Checks that an export can normalize features as the training did.

    Args:
        folder: output folder of the experiment.
        settings: its settings.
        records: its record set, if it was named.

    Raises:
        UsageError: the statistics need more than a waveform and a speaker profile, or the records are missing.
    """
    check_speeds(folder, settings)
    choice = settings.normalized_by
    if choice.kind == UTTERANCE or choice.batch_norm:
        raise UsageError(
            f"{folder}: its networks need features normalized by {choice.title}, which a model of waveforms does not do; choose "
            "an experiment of corpus or speaker statistics"
        )
    if choice.kind != CORPUS and records is None:
        raise FieldError("records", "", f"{folder} was trained with speaker statistics, so it needs its record set")


def prior_of(settings: Settings, records: Path | None, speakers: Sequence[str]) -> Prior | None:
    """The average training speaker of a network; None for a network of corpus statistics.

    Args:
        settings: settings of the experiment.
        records: its record set.
        speakers: the training speakers.

    Raises:
        ValueError: the records are not those of the experiment.
    """
    choice = settings.normalized_by
    if choice.kind == CORPUS or records is None:
        return None
    from acrnn.batches.sources import Feeder

    record_set = records_of(settings, records)
    speeds = settings.speeds or record_set.manifest.speeds
    ids = [row.id for row in record_set.utterances if row.speaker in speakers and row.speed in speeds]
    statistics = cast(SpeakerStatistics, Feeder(record_set, ids=ids, speaker_statistics=choice).statistics)
    hop_seconds = record_set.manifest.frontend.hop_seconds
    return Prior(average(list(statistics.statistics.values())), choice.prior_seconds / hop_seconds)


def network_of_run(folder: Path, settings: Settings, fold: int, seed: int) -> tuple[keras.Model, dict]:
    """Returns the network of a run as it was saved, and its origin; for arguments and errors see `TrainedModel.of_run`."""
    path = run_path(folder, fold, seed)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such run; {REMEDY}, and one of its folds and seeds")
    run = read_run(path)
    origin = {"fold": fold, "seed": seed, "speakers": run.train_speakers, "epochs": run.best_epoch}
    return load_network(path.with_suffix(".keras"), settings.model), origin


def load_network(path: Path, system: str) -> keras.Model:
    """Loads a network from a .keras file in safe mode: only registered layers can run code.

    Args:
        path: the .keras file.
        system: key in MODELS.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged, or holds no network of this system.
    """
    if system not in MODELS:
        raise ValueError(f"{path}: of the system {system!r}, which this version does not have; update acrnn")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such network; {REMEDY}")
    return models.load_network(path)
