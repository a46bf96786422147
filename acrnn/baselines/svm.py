"""Support vector machine (SVM) with hyper-parameters chosen by the UAR of the validation utterances.

Everything is fitted on the training part alone: the mean and deviation of each feature, and the machine. The validation part
chooses C and gamma. The test part is predicted once, by the chosen machine.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from acrnn import metrics

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

POSTERIORS = "softmax of the one-versus-rest decision function"
_CACHE_MIB = 200


class Part(NamedTuple):
    """Utterances of one part of a fold.

    Attributes:
        features: float [utterances, features].
        labels: int [utterances].
    """

    features: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Kernel and candidate hyper-parameters of a support vector machine.

    Attributes:
        kernel: "linear", or "rbf": exp(-gamma · |x - y|²).
        costs: values of C, the cost of an error, in ascending order. A class is weighted by the inverse of its frequency.
        gammas: values of gamma times the number of features, in ascending order; the linear kernel has none.
    """

    kernel: Literal["linear", "rbf"]
    costs: tuple[float, ...]
    gammas: tuple[float, ...] = (1.0,)

    def to_dict(self) -> dict:
        """Returns the fields that have an effect, ready for JSON."""
        gammas = {"gammas": list(self.gammas)} if self.kernel == "rbf" else {}
        return {"kernel": self.kernel, "costs": list(self.costs), **gammas}


@dataclass(frozen=True)
class Machine:
    """A fitted support vector machine.

    Attributes:
        pipeline: scikit-learn's StandardScaler and SVC.
        num_classes: number of classes; those without training utterances have the posterior 0.
        cost, gamma: the hyper-parameters, see `Grid`.
    """

    pipeline: Pipeline
    num_classes: int
    cost: float
    gamma: float

    def posteriors(self, features: np.ndarray) -> np.ndarray:
        """Returns posteriors float64 [utterances, classes] of features [utterances, features].

        The softmax of the decision function needs no further fit and keeps its order: the largest posterior is scikit-learn's
        prediction with `break_ties`. It is not calibrated.
        """
        values = self.pipeline.decision_function(features)
        if values.ndim == 1:  # two classes have a single value
            values = np.stack([-values, values], axis=1)
        scores = np.full((len(features), self.num_classes), -np.inf)
        scores[:, self.pipeline.classes_] = values
        exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Selection:
    """The machine with the best validation UAR.

    Attributes:
        machine: the fitted machine.
        loss: cross-entropy of the training utterances.
        validation_loss, validation_uar: cross-entropy and UAR of the validation utterances.
    """

    machine: Machine
    loss: float
    validation_loss: float
    validation_uar: float


def fit(train: Part, grid: Grid, num_classes: int, cost: float, gamma: float = 1.0) -> Machine:
    """Fits a machine with given hyper-parameters.

    Args:
        train: training utterances.
        grid: its kernel is used.
        num_classes: number of classes.
        cost, gamma: see `Grid`.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    machine = SVC(
        C=cost,
        kernel=grid.kernel,
        gamma=gamma / train.features.shape[1],
        class_weight="balanced",
        decision_function_shape="ovr",
        cache_size=_CACHE_MIB,
    )
    return Machine(make_pipeline(StandardScaler(), machine).fit(*train), num_classes, cost, gamma)


def select(train: Part, validation: Part, grid: Grid, num_classes: int) -> Selection:
    """Fits a machine for each pair of hyper-parameters and returns the best by validation UAR.

    Of equal ones that with the lower validation loss, then the smaller C and gamma.

    Args:
        train, validation: disjoint utterances.
        grid: candidates.
        num_classes: number of classes.
    """
    best: Selection | None = None
    for cost, gamma in itertools.product(grid.costs, grid.gammas):
        machine = fit(train, grid, num_classes, cost, gamma)
        loss, _ = _scores(machine, train)
        candidate = Selection(machine, loss, *_scores(machine, validation))
        if best is None or _key(candidate) > _key(best):
            best = candidate
    assert best is not None, "a grid has candidates"
    return best


def _scores(machine: Machine, part: Part) -> tuple[float, float]:
    """Cross-entropy and UAR of a part."""
    posteriors = machine.posteriors(part.features)
    loss = -np.log(np.maximum(posteriors[np.arange(len(part.labels)), part.labels], 1e-12)).mean()
    counts = metrics.confusion(part.labels, posteriors.argmax(axis=1), machine.num_classes)
    return float(loss), float(metrics.uar(counts))


def _key(selection: Selection) -> tuple[float, float]:
    return round(selection.validation_uar, 12), -round(
        selection.validation_loss, 6
    )  # the solver's tolerance is no order


def hyperparameters(machine: Machine, grid: Grid) -> dict[str, Any]:
    """Returns the chosen hyper-parameters that have an effect, ready for JSON."""
    return {"cost": machine.cost, **({"gamma": machine.gamma} if grid.kernel == "rbf" else {})}
