"""The classical baselines: the features of each, and the grid of its support vector machine.

The linear machine on the functionals of ComParE is the baseline of the Computational Paralinguistics Challenges (Schuller et
al. 2013: The INTERSPEECH 2013 Computational Paralinguistics Challenge).
"""

from __future__ import annotations

from dataclasses import dataclass

from acrnn.baselines.svm import Grid

# 6373 standardized features are nearly always separable: small C alone make a difference.
_LINEAR = Grid("linear", costs=(1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0))
_RBF = Grid("rbf", costs=(0.1, 1.0, 10.0, 100.0), gammas=(0.1, 0.3, 1.0, 3.0))


@dataclass(frozen=True)
class Baseline:
    """A classical baseline.

    Attributes:
        title: name in tables.
        grid: kernel and hyper-parameters of the support vector machine.
        system: key in MODELS of the system whose records the statistics are computed from; None for openSMILE.
        feature_set: name in `opensmile.FeatureSet` of the functionals; None for statistics of records.
    """

    title: str
    grid: Grid
    system: str | None = None
    feature_set: str | None = None


BASELINES: dict[str, Baseline] = {
    "svm-compare": Baseline("SVM, ComParE", _LINEAR, feature_set="ComParE_2016"),
    "svm-egemaps": Baseline("SVM, eGeMAPS", _RBF, feature_set="eGeMAPSv02"),
    "svm-mfcc-pitch": Baseline("SVM, statistics of MFCC, pitch and HNR", _RBF, system="han2014-dnn-elm"),
    "svm-logmel": Baseline("SVM, statistics of log-Mels", _RBF, system="chen2018-3d"),
}
