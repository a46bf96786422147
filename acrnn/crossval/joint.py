"""Joint training: the training part of every fold is extended by another labeled record set with the emotions that both have."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from acrnn.batches.sources import MEMORY_BYTES, Feeder, MemorySource, Source, in_memory
from acrnn.batches.speaker_statistics import Choice
from acrnn.recipes.initial_weights import CORPUS_FIELDS
from acrnn.records import RecordSet, Segments
from acrnn.records.disjoint import check_disjoint


class JointCorpus:
    """Another record set whose utterances are added to training parts; validation and test parts stay as they are.

    Labels of the same name share an output of the network. Utterances of emotions that the experiment does not have are left
    out. Batches are drawn from all segments together, so that a corpus has the share of its segments.

    Args:
        folder: folder of the other record set.
        labels: emotions of the experiment in class order.

    Raises:
        FileNotFoundError, ValueError: the record set is missing or damaged, or has no emotion of the experiment.
    """

    def __init__(self, folder: Path, labels: tuple[str, ...]):
        self.records, self.labels = RecordSet(folder), labels
        self._kept: dict[Choice, Segments] = {}
        self.used = [row for row in self.records.utterances if row.emotion in labels]
        if not self.used:
            raise ValueError(
                f"joint training on {folder}: it has none of the emotions {', '.join(labels)}; name them alike, or choose "
                "another record set"
            )

    @property
    def left_out(self) -> dict[str, int]:
        """Numbers of utterances of the emotions that the experiment does not have, copies at other speeds included."""
        return dict(Counter(row.emotion for row in self.records.utterances if row.emotion not in self.labels))

    def describe(self) -> dict:
        """Returns everything that results depend on, as a dict for JSON, with licence and citation for reports and cards."""
        manifest = self.records.manifest
        return {
            "corpus": manifest.corpus["name"],
            **{name: manifest.corpus.get(name, "") for name in CORPUS_FIELDS},
            "labels": [label for label in self.labels if label in manifest.labels],
            "left_out": self.left_out,
            "records_sha256": manifest.content_sha256,
        }

    def check(self, records: RecordSet) -> None:
        """Refuses another record set that overlaps the records of the experiment, see `check_disjoint`."""
        check_disjoint(self.records, records, "joint training on")

    def joined(self, train: Source, choice: Choice) -> MemorySource:
        """Returns a training part with the utterances of the other record set.

        Args:
            train: segments of the training part of a fold.
            choice: recordings whose mean and deviation normalize the features of an utterance, in both record sets.
        """
        parts = [in_memory(train), self._segments(choice)]
        parts[1] = replace(parts[1], utterances=parts[1].utterances + 1 + parts[0].utterances.max())
        names = ("features", "num_frames", "labels", "utterances")
        data = Segments(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
        return MemorySource(data, np.unique(data.utterances).tolist())

    def _segments(self, choice: Choice) -> Segments:
        if choice not in self._kept:
            ids = [row.id for row in self.used]
            segments = in_memory(Feeder(self.records, MEMORY_BYTES, ids, choice).source(ids))
            names = self.records.manifest.labels
            output = np.array([self.labels.index(name) if name in self.labels else -1 for name in names], np.int32)
            self._kept[choice] = replace(segments, labels=output[segments.labels])
        return self._kept[choice]
