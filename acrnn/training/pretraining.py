"""Pre-training on another labeled record set: a network is trained there once for each seed, and folds start from its weights."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from acrnn import files
from acrnn.batches.sources import MEMORY_BYTES, Feeder, Source
from acrnn.batches.speaker_statistics import Choice
from acrnn.output import lock
from acrnn.reading.npz import read_npz
from acrnn.records import RecordSet, UtteranceRow
from acrnn.text.embedding import embedding_of
from acrnn.training.estimator import Epoch, Fit
from acrnn.training.network import Network

_PATIENCE_SECONDS = 60.0
_REMEDY = "delete it and give the same command again: only the pre-training of this seed is repeated"


@dataclass(frozen=True)
class Parts:
    """The utterances of a record set for pre-training.

    Attributes:
        train: ids of the training utterances.
        validation: ids of the utterances for checkpoint selection; empty where the recipe selects none.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]


def parts_of(rows: Sequence[UtteranceRow], selects: bool) -> Parts:
    """Returns the parts of a record set for pre-training.

    Args:
        rows: its table of utterances, with copies at other speeds, which are for training only.
        selects: True if the recipe selects a checkpoint; the last speaker in order is then the validation part. Otherwise
            all speakers are in the training part.
    """
    last = max(row.speaker for row in rows) if selects else None
    return Parts(
        tuple(row.id for row in rows if row.speaker != last),
        tuple(row.id for row in rows if row.speaker == last and not row.copy_of),
    )


class WeightFolder:
    """Pre-trained weights of the seeds of an experiment, on disk: `seed0.npz`, and `seed0.json`, which is written last.

    Args:
        folder: the folder; it is made when the first weights are written.
        task: everything that the weights depend on besides the seed, as a JSON object. Weights of another task count as
            missing and are replaced.
    """

    def __init__(self, folder: Path, task: dict):
        self.folder, self.task_sha256 = folder, files.sha256_of_json(task)

    def read(self, seed: int) -> list[np.ndarray] | None:
        """Returns the weights of a seed; None where there are none of this task yet.

        Raises:
            ValueError: a file is missing or damaged; the message says to delete it.
        """
        description, path = self._paths(seed)
        if not description.exists():
            return None
        values = files.read_sealed_json(description, _REMEDY)
        if values.get("task_sha256") != self.task_sha256:
            return None
        if not path.is_file() or files.sha256_of_file(path) != values.get("weights_sha256"):
            raise ValueError(f"{path}: missing or damaged, its checksum is not that in {description}; {_REMEDY}")
        return list(read_npz(path, _REMEDY).values())

    def write(self, seed: int, weights: Sequence[np.ndarray], description: dict) -> None:
        """Writes the weights of a seed, atomically, with a description of their training, unless another process did."""
        with lock.exclusive(self.folder, _PATIENCE_SECONDS):
            if self.read(seed) is None:
                files.remove_partial(self.folder)
                self._write(seed, weights, description)

    def _write(self, seed: int, weights: Sequence[np.ndarray], description: dict) -> None:
        described_by, path = self._paths(seed)
        buffer = io.BytesIO()
        np.savez(buffer, **{f"weight{number:04d}": weight for number, weight in enumerate(weights)})
        described_by.unlink(missing_ok=True)
        with files.atomic_path(path) as temporary:
            temporary.write_bytes(buffer.getvalue())
        digests = {"task_sha256": self.task_sha256, "weights_sha256": files.sha256_of_file(path)}
        files.write_sealed_json(described_by, {**digests, **description})

    def _paths(self, seed: int) -> tuple[Path, Path]:
        return self.folder / f"seed{seed}.json", self.folder / f"seed{seed}.npz"


class CorpusPretraining:
    """Weights of a network that was trained on another labeled record set, the same for every fold of a seed.

    All speakers are trained on, or all but the last in order where the recipe selects a checkpoint. Without a folder the
    weights are kept in memory only.

    Args:
        records: folder of the other record set.
        make_network: returns the untrained network of the pre-training, for a number of classes.
        weights_of: returns the weights to keep from the trained network.
        cut: changes the sources of the pre-training, such as into windows.

    Attributes:
        folder: weights on disk; None keeps them in memory only.
        speaker_statistics: recordings of the other corpus whose mean and deviation normalize the features of an utterance.
    """

    folder: WeightFolder | None = None
    speaker_statistics: Choice = Choice()

    def __init__(
        self,
        records: Path,
        make_network: Callable[[int], Network],
        weights_of: Callable[[Network], list[np.ndarray]] = lambda network: network.model.get_weights(),
        cut: Callable[[Source], Any] = lambda source: source,
    ):
        self.records = RecordSet(records)
        self.make_network, self.weights_of, self.cut = make_network, weights_of, cut
        self._weights_of_seed: dict[int, list[np.ndarray]] = {}

    def weights(self, seed: int, on_epoch: Callable[[Epoch], None] = lambda epoch: None) -> list[np.ndarray]:
        """Returns the weights of a seed: from memory, from the folder, or from training.

        Args:
            seed: random seed of the pre-training.
            on_epoch: called after every epoch, if the network has to be trained.

        Raises:
            ValueError: the training loss is not finite, or a file in the folder is damaged.
        """
        if seed not in self._weights_of_seed:
            kept = self.folder.read(seed) if self.folder else None
            self._weights_of_seed = {seed: self._train(seed, on_epoch) if kept is None else kept}
        return self._weights_of_seed[seed]

    def _train(self, seed: int, on_epoch: Callable[[Epoch], None]) -> list[np.ndarray]:
        started = time.monotonic()
        network = self.make_network(len(self.records.manifest.labels))
        parts = parts_of(self.records.utterances, network.recipe.epoch_choice != "last")
        feeder = Feeder(self.records, MEMORY_BYTES, {*parts.train, *parts.validation}, self.speaker_statistics)
        train, validation = (self.cut(feeder.source(ids)) if ids else None for ids in (parts.train, parts.validation))
        try:
            fit = network.fit(train, validation, seed, on_epoch)
        except ValueError as error:
            raise ValueError(f"pre-training on {self.records.folder}, seed {seed}: {error}") from error
        weights = self.weights_of(network)
        if self.folder:
            self.folder.write(seed, weights, self._description(parts, fit, time.monotonic() - started))
        return weights

    def _description(self, parts: Parts, fit: Fit, seconds: float) -> dict:
        speaker = {row.id: row.speaker for row in self.records.utterances}
        return {
            "corpus": self.records.manifest.corpus,
            "train_speakers": sorted({speaker[utterance] for utterance in parts.train}),
            "validation_speakers": sorted({speaker[utterance] for utterance in parts.validation}),
            "utterances": len(parts.train),
            "seconds": round(seconds, 1),
            **fit.to_dict(),
        }


def transferred(
    weights: Sequence[np.ndarray],
    model: keras.Model,
    other_classes: keras.Model,
    labels: Sequence[str],
    labels_of_weights: Sequence[str],
) -> list[np.ndarray | None]:
    """Returns initial weights of a network from those of the same network for another corpus.

    Weights whose shape depends on the number of classes, those of the output layer, are taken only where both corpora have
    the same emotions, and are brought into the order of the network's classes. Word vectors are not taken, because their
    rows belong to the vocabulary of the training texts. The statistics of the normalization are taken, and replaced when a
    fit adapts them to its training part.

    Args:
        weights: those of the pre-trained network, in the order of `keras.Model.weights`.
        model: network to initialize.
        other_classes: the same network for another number of classes.
        labels: emotions in class order.
        labels_of_weights: emotions of the pre-trained network, in class order.

    Returns:
        An array for each weight of `model`; None for those that are to start at random.
    """
    embedding = embedding_of(model)
    own = {id(weight) for weight in embedding.weights} if embedding else set()
    keeps_head = set(labels) == set(labels_of_weights)
    order = [list(labels_of_weights).index(label) for label in labels] if keeps_head else []
    values: list[np.ndarray | None] = []
    for value, weight, other in zip(weights, model.weights, other_classes.weights, strict=True):
        axes = [axis for axis, sizes in enumerate(zip(weight.shape, other.shape, strict=True)) if len(set(sizes)) > 1]
        if id(weight) in own or (axes and not _orderable(value, axes, order)):
            values.append(None)
        else:
            values.append(_ordered(value, axes, order))
    return values


def _orderable(value: np.ndarray, axes: Iterable[int], order: Sequence[int]) -> bool:
    """True if these axes of a weight have one entry for each class, or the classes are in the same order."""
    if not order:
        return False
    return list(order) == sorted(order) or all(value.shape[axis] == len(order) for axis in axes)


def _ordered(value: np.ndarray, axes: Iterable[int], order: Sequence[int]) -> np.ndarray:
    if list(order) != sorted(order):
        for axis in axes:
            value = np.take(value, order, axis=axis)
    return value
