"""Features of a corpus that a support vector machine learns at once."""

from __future__ import annotations

import numpy as np

from acrnn.baselines.evaluation import Features
from acrnn.baselines.svm import Grid
from acrnn.crossval.settings import CorpusInfo
from acrnn.records import UtteranceRow

GRID = Grid("linear", costs=(0.01, 1.0))


def features_of_clusters(speakers: int = 4, per_class: int = 4) -> Features:
    """Returns features of three emotions in three noisy clusters, which lie elsewhere for every speaker."""
    generator = np.random.default_rng(0)
    rows, values = [], []
    for speaker in range(speakers):
        for number in range(3 * per_class):
            label = number % 3
            name = f"s{speaker}_{number:02d}"
            rows.append(UtteranceRow(name, f"s{speaker}", f"s{speaker}", "abc"[label], label, 9, 1, 1.0, 16000, "", ""))
            values.append(generator.normal(size=5) + 2 * np.eye(5)[label] + 0.5 * speaker)
    corpus = CorpusInfo("manifest")
    return Features(np.array(values), tuple(rows), ("a", "b", "c"), corpus, "0" * 64, {"kind": "clusters"}, {})
