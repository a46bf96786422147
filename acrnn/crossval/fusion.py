"""Late fusion: the averaged posteriors of several networks that were tested on the same utterances of the same folds.

Two rules: the mean of the probabilities (sum rule) and the normalized mean of their logarithms (product rule); J. Kittler,
M. Hatef, R. P. W. Duin, J. Matas: On Combining Classifiers. IEEE Trans. PAMI 20(3), 1998, pp. 226-239. Rule and weights are
selected in each fold by its validation speakers if all runs have their posteriors; otherwise all networks have equal weights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from acrnn import files, metrics
from acrnn.batches.speaker_statistics import CORPUS
from acrnn.crossval.claim import claimed, settings_at
from acrnn.crossval.results import EXPERIMENT, Results, write_results
from acrnn.crossval.run import Run, write_run
from acrnn.crossval.settings import Settings
from acrnn.errors import FieldError

FUSION = "fusion"  # the system in the settings of a fusion
PROBABILITY, LOG = "probability", "log-probability"
RULES = {PROBABILITY: "mean of the probabilities", LOG: "normalized mean of the log-probabilities"}
_FLOOR = 5e-7  # runs hold posteriors with six decimals
_STEPS = 4  # weights are multiples of 1 / _STEPS in a selection among two or three members


# What runs of a fold must have in common, by its name in messages.
_PARTS: Mapping[str, Callable[[Run], Any]] = {
    "training speakers": lambda run: run.train_speakers,
    "validation speakers": lambda run: run.validation_speakers,
    "test utterances": lambda run: run.utterances,
    "test labels": lambda run: run.labels,
}


@dataclass(frozen=True)
class Combination:
    """A rule and the weights of the members.

    Attributes:
        rule: key in RULES.
        weights: one for each member, with the sum one.
    """

    rule: str
    weights: tuple[float, ...]

    def fused(self, probabilities: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the fused posteriors of arrays float [utterances, classes], one for each member."""
        if self.rule == PROBABILITY:
            return np.einsum("m,muc->uc", self.weights, np.stack(probabilities))
        logarithms = np.einsum("m,muc->uc", self.weights, np.log(np.maximum(np.stack(probabilities), _FLOOR)))
        exponentials = np.exp(logarithms - logarithms.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)


@dataclass(frozen=True)
class Fusion:
    """Results of a fusion and the combination of each run.

    Attributes:
        settings: settings of the fusion; `Settings.fusion` names the members.
        planned_folds: number of folds of the protocol.
        runs: the fused runs.
        combinations: rule and weights by (fold, seed).
        is_selected: True if the combinations were selected by validation speakers.
    """

    settings: Settings
    planned_folds: int
    runs: tuple[Run, ...]
    combinations: Mapping[tuple[int, int], Combination]
    is_selected: bool


def fuse(members: Mapping[str, Results], rule: str = PROBABILITY, across_seeds: bool = False) -> Fusion:
    """Fuses the runs of experiments on equal folds.

    Args:
        members: results by the title of the experiment.
        rule: rule of a fusion with equal weights.
        across_seeds: fuse all seeds of each member into one run a fold; False fuses the runs of equal seeds.

    Raises:
        FieldError: the rule is unknown, fewer than two networks, or no fold that every member has finished.
        ValueError: two members have other labels, folds or test utterances, or one leaks on purpose.
    """
    if rule not in RULES:
        raise FieldError("rule", rule, f"it is unknown; choose from {', '.join(RULES)}")
    _refuse_equal_networks(members)
    _refuse_unequal(members)
    groups = _groups(members, across_seeds)
    _refuse_unequal_utterances(groups)
    parts = {key: [_average(runs) for runs in group.values()] for key, group in groups.items()}
    is_selected = len(members) > 1 and all(run.validation for runs in parts.values() for run in runs)
    equal = Combination(rule, (1 / len(members),) * len(members))
    chosen = {key: select(runs, rule) if is_selected else equal for key, runs in parts.items()}
    settings = _settings(members, None if is_selected else rule, across_seeds)
    sha256 = files.sha256_of_json(settings.to_dict())
    runs = tuple(replace(_fused(parts[key], chosen[key]), settings_sha256=sha256, seed=key[1]) for key in sorted(parts))
    return Fusion(settings, next(iter(members.values())).planned_folds, runs, chosen, is_selected)


def select(runs: Sequence[Run], rule: str = PROBABILITY) -> Combination:
    """Returns the combination with the best UAR on the validation utterances, of equal ones that with the lower cross-entropy.

    The candidates are both rules with equal weights and, for two or three members, with all weights that are multiples of a
    quarter. Of candidates that are equal in both, the first counts: `rule` and equal weights.

    Args:
        runs: the runs of one fold, one for each member, with `validation`.
        rule: the rule that comes first.
    """
    parts = [run.validation for run in runs if run.validation is not None]
    probabilities, labels = [np.array(part.probabilities) for part in parts], np.array(parts[0].labels)
    weights = [(1 / len(runs),) * len(runs)]
    if len(runs) <= 3:
        weights += [
            tuple(part / _STEPS for part in parts)
            for parts in product(range(_STEPS + 1), repeat=len(runs))
            if sum(parts) == _STEPS
        ]
    candidates = [Combination(each, part) for part in weights for each in sorted(RULES, key=lambda name: name != rule)]
    return max(candidates, key=lambda candidate: _quality(candidate.fused(probabilities), labels))


def write_fusion(folder: Path, fusion: Fusion) -> Results:
    """Writes a fusion as the folder of an experiment, with results.json, and returns its results.

    Raises:
        ValueError: the folder holds another experiment.
        OSError: another process works on another experiment in the folder.
    """
    settings = fusion.settings.to_dict()
    path = folder / EXPERIMENT
    if path.exists() and _identity(settings_at(path)) == _identity(settings) != settings_at(path):
        path.unlink()  # the titles of the members have changed, and nothing that was trained is lost
    with claimed(folder, {"settings": settings, "planned_folds": fusion.planned_folds}):
        for run in fusion.runs:
            write_run(folder, run)
        return write_results(folder)


def _identity(settings: Mapping) -> Mapping:
    """Settings of a fusion without the titles of its members, whose settings have a hash."""
    fused = settings.get("fusion") or {}
    members = [{name: value for name, value in each.items() if name != "title"} for each in fused.get("members", [])]
    return {**settings, "fusion": {**fused, "members": members}}


def _refuse_equal_networks(members: Mapping[str, Results]) -> None:
    """Refuses an experiment beside its own prediction at several speeds, which would count the same networks twice."""
    of_training: dict[str, tuple[str, Settings]] = {}
    for name, results in members.items():
        trained = files.sha256_of_json(replace(results.settings, test_speeds=None).to_dict())
        other, settings = of_training.setdefault(trained, (name, results.settings))
        if settings.test_speeds != results.settings.test_speeds:
            problem = f"it has the same networks as {other}, predicted at other speeds; leave one of them out"
            raise FieldError("members", name, problem)


def _refuse_unequal(members: Mapping[str, Results]) -> None:
    first_name, first = next(iter(members.items()))
    for name, results in members.items():
        # with copies at other speeds, the same folds have other training parts; the speakers of each are compared later
        same_records = results.settings.speeds == first.settings.speeds
        for key in ("labels", "protocol", *(["split_sha256"] if same_records else [])):
            if (value := getattr(results.settings, key)) != (expected := getattr(first.settings, key)):
                raise ValueError(
                    f"{first_name} and {name} cannot be fused: their {key} are {expected} and {value}; choose experiments "
                    "on the same folds"
                )
        if results.settings.mistake:
            raise ValueError(f"{name} leaks on purpose ({results.settings.mistake}); leave it out")


def _groups(members: Mapping[str, Results], across_seeds: bool) -> dict[tuple[int, int], dict[str, list[Run]]]:
    """Returns the runs to fuse: by (fold, seed) of the result, and by member."""
    groups: dict[tuple[int, int], dict[str, list[Run]]] = {}
    for name, results in members.items():
        for run in sorted(results.runs, key=lambda run: (run.fold, run.seed)):
            key = run.fold, 0 if across_seeds else run.seed
            groups.setdefault(key, {}).setdefault(name, []).append(run)
    seeds = {name: {run.seed for run in results.runs} for name, results in members.items()}
    complete = {
        key: group
        for key, group in groups.items()
        if group.keys() == members.keys()
        and (not across_seeds or all(len(runs) == len(seeds[name]) for name, runs in group.items()))
    }
    if not complete:
        raise FieldError("members", ", ".join(members), "they have no finished fold in common")
    if sum(map(len, next(iter(complete.values())).values())) < 2:
        raise FieldError("members", ", ".join(members), "a fusion needs two networks; name two, or fuse across seeds")
    return complete


def _refuse_unequal_utterances(groups: Mapping[tuple[int, int], Mapping[str, Sequence[Run]]]) -> None:
    for (fold, _), group in groups.items():
        runs = [(name, run) for name, part in group.items() for run in part]
        first_name, first = runs[0]
        for name, run in runs[1:]:
            for title, values in _PARTS.items():
                if values(run) != values(first):
                    raise ValueError(
                        f"{first_name} and {name} cannot be fused: the {title} of fold {fold} differ; choose "
                        "experiments that score the same utterances"
                    )


def _average(runs: Sequence[Run]) -> Run:
    """Returns the fusion of the seeds of one member, by the mean of the probabilities."""
    return runs[0] if len(runs) == 1 else _fused(runs, Combination(PROBABILITY, (1 / len(runs),) * len(runs)))


def _fused(runs: Sequence[Run], combination: Combination) -> Run:
    validation, parts = None, [run.validation for run in runs if run.validation is not None]
    if len(parts) == len(runs):
        posteriors = combination.fused([np.array(part.probabilities) for part in parts])
        validation = replace(parts[0], probabilities=posteriors.round(6).tolist())
    return replace(
        runs[0],
        best_epoch=0,
        curve=(),
        probabilities=combination.fused([np.array(run.probabilities) for run in runs]).round(6).tolist(),
        attention=(),
        seconds=round(sum(run.seconds for run in runs), 1),
        by_pooling=None,
        peak_memory_mib=None,
        validation=validation,
    )


def _quality(posteriors: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    confusion = metrics.confusion(labels, posteriors.argmax(axis=1), posteriors.shape[1])
    loss = -np.log(np.maximum(posteriors[np.arange(len(labels)), labels], _FLOOR)).mean()
    return round(float(metrics.uar(confusion)), 12), -round(float(loss), 12)


def _settings(members: Mapping[str, Results], rule: str | None, across_seeds: bool) -> Settings:
    """Returns the settings of a fusion; those of the members stand for themselves by their hash."""
    first = next(iter(members.values())).settings
    records = [results.settings.records_sha256 for results in members.values()]
    described = [
        {
            "title": name,
            "settings_sha256": files.sha256_of_json(results.settings.to_dict()),
            **({"seeds": sorted({run.seed for run in results.runs})} if across_seeds else {}),
            **({"other_corpora": others} if (others := results.settings.other_corpora) else {}),
        }
        for name, results in members.items()
    ]
    return replace(
        first,
        records_sha256=records[0] if len(set(records)) == 1 else files.sha256_of_json(records),
        frontend_fields={},
        segment_fields={},
        model=FUSION,
        network_fields={},
        recipe_fields={},
        speeds=None,
        initial_weights=None,
        joint=None,
        auxiliary_inputs={},
        speaker_statistics=CORPUS,
        test_speeds=None,
        baseline=None,
        fusion={"rule": rule, "members": described},
    )
