"""Fine-tuning: every fold and seed starts from the weights of one trained model."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from acrnn.batches.speaker_statistics import Choice
from acrnn.errors import FieldError
from acrnn.model_card import DATA_FIELDS
from acrnn.models import MODELS, System
from acrnn.recipes.initial_model import FIELD, InitialModel
from acrnn.recipes.initial_weights import InitialWeights

if TYPE_CHECKING:
    from acrnn.training.estimator import Epoch, Estimator

# Fields of a `Config` that do not change the function of the weights.
_FREE = frozenset({"num_classes", "dropout", "initial_deviation", "batch_norm_momentum"})


class FineTuning:
    """Gives an estimator the weights of a trained model.

    All layers start from the model but the output layer where the emotions differ, see `acrnn.training.pretraining.transferred`.

    Args:
        estimator: the estimator of the experiment.
        system: its declaration.
        config: its `Config`.
        initial_weights: of the kind "model".
        labels: emotions of the experiment in class order.

    Raises:
        UsageError: the system is not trained by gradient descent, or has no layer of the kind to freeze.
    """

    def __init__(
        self,
        estimator: Estimator,
        system: System,
        config: Any,
        initial_weights: InitialWeights,
        labels: tuple[str, ...],
    ):
        from acrnn.training.freezing import frozen_layers
        from acrnn.training.network import network_of

        self.network = network_of(estimator, system.summary, FIELD)
        self.system, self.config, self.labels = system, config, labels
        self.model = initial_weights.model
        self._other_classes = self._built(len(labels) + 1)
        self.network.freeze(frozen_layers(self.network.model, self._other_classes, initial_weights.frozen))

    def start(self, seed: int, on_epoch: Callable[[Epoch], None] = lambda epoch: None) -> None:
        """Sets the initial weights of the estimator, the same for every seed; reads them at the first call.

        Args:
            seed, on_epoch: not used; as in `acrnn.crossval.pretraining.Pretraining`.

        Raises:
            ValueError: a file of the model is damaged.
        """
        from acrnn.training.pretraining import transferred

        if self.network.initial_weights is None and self.model is not None:
            weights = self.model.read_weights(self._built(len(self.model.labels)))
            self.network.initial_weights = transferred(
                weights, self.network.model, self._other_classes, self.labels, self.model.labels
            )

    def _built(self, num_classes: int):
        return self.system.build(replace(self.config, num_classes=num_classes))


def check_model(model: InitialModel, system: str, config: Any, choice: Choice) -> None:
    """Refuses an experiment with another network than that of the trained model.

    Args:
        model: the trained model.
        system: key in MODELS of the experiment's system.
        config: `Config` of its network.
        choice: recordings whose statistics normalize its features.

    Raises:
        FieldError: a setting differs; the message names it with both values and the remedy.
    """
    check_system(model, system)
    if model.normalized_by != choice.source:
        problem = (
            f"its features are normalized by statistics of the {model.normalized_by}, those of the experiment by statistics of "
            f"the {choice.source}; give the option speaker_statistics {model.normalized_by}"
        )
        raise FieldError(FIELD, model.name, problem)
    ours, theirs = network_of_model(model), json.loads(json.dumps(asdict(config)))
    if names := [name for name in theirs if name not in _FREE and ours.get(name) != theirs[name]]:
        differing = ", ".join(f"{name} {ours.get(name)}" for name in names)
        other = ", ".join(f"{name} {theirs[name]}" for name in names)
        problem = (
            f"its network has {differing}, that of the experiment {other}; leave these options out, or start at random"
        )
        raise FieldError(FIELD, model.name, problem)


def check_system(model: InitialModel, system: str, shown: str = "") -> None:
    """Refuses an experiment with another system than that of the trained model.

    Args:
        model: the trained model.
        system: key in MODELS of the experiment's system.
        shown: what the user typed for the model, for the message; "" for its name.

    Raises:
        FieldError: the systems differ.
    """
    if model.system != system:
        problem = f"its system is {model.system}, not {system}; give the option model {model.system}"
        raise FieldError(FIELD, shown or model.name, problem)


def network_of_model(model: InitialModel) -> Mapping[str, Any]:
    """Returns all fields of the `Config` of a model's network, as a JSON object.

    Raises:
        FieldError: this version does not have the system, or a field of its network.
    """
    try:
        return json.loads(json.dumps(asdict(MODELS[model.system].config(**model.network))))
    except (KeyError, TypeError) as error:
        problem = (
            f"its system {model.system} is another one in this version ({error}); install the version that trained it"
        )
        raise FieldError(FIELD, model.name, problem) from error


def network_options(model: InitialModel) -> dict[str, Any]:
    """Returns the fields of `Config` with which an experiment gets the network of a model; a recipe may set the others.

    Raises:
        FieldError: the system of the model is another one in this version.
    """
    return {name: value for name, value in network_of_model(model).items() if name not in DATA_FIELDS | _FREE}


def announcement(weights: InitialWeights, labels: tuple[str, ...]) -> str:
    """Returns a line that says from which model a training starts; "" for other initial weights.

    Args:
        weights: initial weights of an experiment.
        labels: its emotions.
    """
    model = weights.model
    if model is None:
        return ""
    reason = f"since the model has the emotions {', '.join(model.labels)}"
    new = "" if set(model.labels) == set(labels) else f"; new output layer, {reason}"
    frozen = "" if weights.frozen == "none" else f"; frozen: {weights.frozen}"
    return (
        f"starting from {model.name}, trained on {model.corpus['title'] or model.corpus['name']} "
        f"(licence: {model.corpus['licence'] or 'unknown'}){new}{frozen}"
    )
