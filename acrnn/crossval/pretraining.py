"""Pre-training of a system on another labeled record set, once for each seed of an experiment; see `acrnn.training.pretraining`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acrnn import recipes
from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval.settings import network_fields_of
from acrnn.models import System
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import InitialWeights
from acrnn.records import RecordSet

if TYPE_CHECKING:
    from acrnn.training.estimator import Epoch, Estimator
    from acrnn.training.network import Network
    from acrnn.training.pretraining import CorpusPretraining


_FIELD = "pretrain"  # argument that names the other corpus, for messages


class Pretraining:
    """Gives an estimator the initial weights of a seed, from training on another record set.

    A system with a first stage that accepts initial weights pre-trains this stage. Any other network is pre-trained as a
    whole, by the recipe of the experiment, and the fold starts from all of its weights that `transferred` takes.

    Args:
        estimator: the estimator of the experiment.
        system: its declaration.
        config: its `Config`.
        recipe: recipe of the pre-training.
        initial_weights: of the kind "corpus".
        labels: emotions of the experiment in class order.
        folder: folder that keeps the weights; None keeps them in memory only.
        speaker_statistics: normalization of the experiment by speaker, which the pre-training uses as well.

    Raises:
        UsageError: the system is not trained by gradient descent.
    """

    def __init__(
        self,
        estimator: Estimator,
        system: System,
        config: Any,
        recipe: Recipe,
        initial_weights: InitialWeights,
        labels: tuple[str, ...],
        folder: Path | None = None,
        speaker_statistics: Choice = Choice(),
    ):
        from acrnn.training.freezing import frozen_layers
        from acrnn.training.network import network_of
        from acrnn.training.pretraining import WeightFolder

        self.network = network_of(estimator, system.summary, _FIELD)
        self.system, self.config, self.recipe, self.labels = system, config, recipe, labels
        self.corpus = self._corpus(initial_weights)
        self.corpus.speaker_statistics = speaker_statistics
        self._other_classes = system.build(replace(config, num_classes=len(labels) + 1))
        self.network.freeze(frozen_layers(self.network.model, self._other_classes, initial_weights.frozen))
        if folder is not None:
            self.corpus.folder = WeightFolder(folder, self._task(initial_weights))

    def _corpus(self, initial_weights: InitialWeights) -> CorpusPretraining:
        from acrnn.training.pretraining import CorpusPretraining

        if self.system.pretrained:
            return self.network.pretraining.corpus  # type: ignore[attr-defined]
        return CorpusPretraining(initial_weights.source, self._task_network)

    def _task(self, initial_weights: InitialWeights) -> dict:
        """Everything that the weights depend on besides the seed."""
        description = initial_weights.describe()
        return {
            "records_sha256": description["records_sha256"],
            "network": {**network_fields_of(self.config), "num_classes": len(description["labels"])},
            "system": self.system.summary,
            "recipe": recipes.to_dict(self.recipe),
            "speaker_statistics": str(self.corpus.speaker_statistics),
        }

    def _task_network(self, num_classes: int) -> Network:
        from acrnn.training.network import network_of

        estimator = self.system.estimator(replace(self.config, num_classes=num_classes), self.recipe)
        return network_of(estimator, self.system.summary, _FIELD)

    def start(self, seed: int, on_epoch: Callable[[Epoch], None] = lambda epoch: None) -> None:
        """Sets the initial weights of the estimator for a seed; trains them if they are neither in memory nor in the folder.

        Args:
            seed: random seed of the pre-training.
            on_epoch: called after every epoch of a training.

        Raises:
            ValueError: see `CorpusPretraining.weights`.
        """
        from acrnn.training.pretraining import transferred

        weights = self.corpus.weights(seed, on_epoch)
        if self.system.pretrained:
            return  # the first stage takes them when it is fitted
        self.network.initial_weights = transferred(
            weights, self.network.model, self._other_classes, self.labels, self.corpus.records.manifest.labels
        )


def check_config(system: System, config: Any, initial_weights: InitialWeights, options: dict) -> None:
    """Refuses a record set for pre-training for which the network would have other inputs.

    Args:
        system: declaration of the system.
        config: `Config` of the network for the records of the experiment.
        initial_weights: of the kind "corpus".
        options: fields of `Config` that the experiment sets.

    Raises:
        ValueError: the system cannot use the records, or their auxiliary inputs have other sizes.
    """
    other = RecordSet(initial_weights.source)
    system.check_records(other)
    ours, theirs = asdict(config), asdict(system.configure(other.manifest, **options))
    if changed := [name for name in ours if name != "num_classes" and ours[name] != theirs[name]]:
        raise ValueError(
            f"pre-training on {other.folder}: {', '.join(changed)} of the network would not be that of the experiment; "
            "prepare both record sets with the same auxiliary inputs"
        )
