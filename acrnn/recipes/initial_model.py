"""A trained network that another training starts from, and the checks that records fit it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from acrnn import frontends, segments
from acrnn.errors import FieldError
from acrnn.frontends import FRONTENDS, Spec
from acrnn.records.record_set import RecordSet
from acrnn.records.sound_sample import SoundSample, training_overlap
from acrnn.segments import RULES, SegmentRule

if TYPE_CHECKING:
    import keras
    import numpy as np

FIELD = "init_from"  # argument that names the model, for messages
CORPUS_FIELDS = ("title", "version", "licence", "citation")  # of a corpus, for people


@dataclass(frozen=True)
class InitialModel:
    """A trained network whose weights are the start of another training.

    Attributes:
        name: name of an exported model, or of an experiment and its run, such as "mine/fold00_seed0".
        system: key in MODELS.
        labels: emotions in class order.
        frontend: front end of its features.
        rule: segment rule of its features.
        network: fields of its `Config`.
        normalized_by: recordings whose statistics normalize its features: "corpus", "utterance" or "speaker".
        corpus: "name", the fields of CORPUS_FIELDS and, where they are known, "reader" of the corpus that it was trained on.
        other_corpora: fields of CORPUS_FIELDS of each further corpus that it was trained on, by its use.
        speakers: speakers of its training part.
        weights_sha256: hash of the file of weights.
        read_weights: returns its weights in the order of `keras.Model.weights`; takes the untrained network.
        records_sha256: hash of the records that it was trained on; "" where it is not known.
        sounds: sounds that it was trained on; None where they are not known.
    """

    name: str
    system: str
    labels: tuple[str, ...]
    frontend: Spec
    rule: SegmentRule
    network: Mapping[str, Any]
    normalized_by: str
    corpus: Mapping[str, str]
    other_corpora: Mapping[str, Mapping[str, str]]
    speakers: tuple[str, ...]
    weights_sha256: str
    read_weights: Callable[[keras.Model], Sequence[np.ndarray]] = field(repr=False, compare=False)
    records_sha256: str = ""
    sounds: SoundSample | None = field(default=None, repr=False)

    def describe(self) -> dict:
        """Returns everything that results depend on, as a dict for JSON, with licence and citation for reports and cards."""
        others = {"other_corpora": {use: dict(corpus) for use, corpus in self.other_corpora.items()}}
        return {
            "model": self.name,
            "corpus": self.corpus["name"],
            **{name: self.corpus.get(name, "") for name in CORPUS_FIELDS},
            "labels": list(self.labels),
            "weights_sha256": self.weights_sha256,
            **(others if self.other_corpora else {}),
        }

    def check(self, records: RecordSet) -> None:
        """Refuses records with other features than those of the model, or of a corpus that the model was trained on.

        Raises:
            FieldError: the message names the setting that differs with both values, or the reason of the leak.
        """
        self._refuse_leak(self._leak(records), str(records.folder))
        self.check_features(records.manifest.frontend, records.manifest.rule, str(records.folder))

    def check_corpus(self, corpus: Mapping[str, str]) -> None:
        """Refuses a corpus that the model was trained on, by its name and title, before records of it are made.

        Args:
            corpus: "name" and "title".

        Raises:
            FieldError: the message names the reason of the leak.
        """
        self._refuse_leak(shared_corpus(self.corpus, self.other_corpora, (), corpus, ()), corpus["name"])

    def _refuse_leak(self, reason: str, tested: str) -> None:
        if reason:
            problem = (
                f"{reason}, so that its results on {tested} would be too high; start from a model of another corpus, "
                "or at random"
            )
            raise FieldError(FIELD, self.name, problem)

    def check_features(self, frontend: Spec, rule: SegmentRule, owner: str) -> None:
        """Refuses a front end or segment rule that is not the model's.

        Args:
            frontend, rule: front end and segment rule of `owner`.
            owner: name of the records for the message.

        Raises:
            FieldError: a setting differs; the message names it with both values.
        """
        pairs = (
            ("front end", frontends.to_dict(self.frontend), frontends.to_dict(frontend)),
            ("segments", segments.to_dict(self.rule), segments.to_dict(rule)),
        )
        for part, ours, theirs in pairs:
            if names := [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]:
                differing = ", ".join(f"{name} {_shown(ours.get(name))}" for name in names)
                other = ", ".join(f"{name} {_shown(theirs.get(name))}" for name in names)
                problem = f"its {part} has {differing}, {owner} has {other}; {self._preparation}"
                raise FieldError(FIELD, self.name, problem)

    @property
    def frontend_name(self) -> str | None:
        """Key of the front end in FRONTENDS, without regard to trimming; None for one that is not there."""
        untrimmed = replace(self.frontend, trim_db=None)
        return next((name for name, spec in FRONTENDS.items() if spec == untrimmed), None)

    @property
    def _preparation(self) -> str:
        rule = next((name for name, rule in RULES.items() if rule == self.rule), None)
        if self.frontend_name is None or rule is None:
            return "prepare the records in the same way"
        name, trim_db = self.frontend_name, self.frontend.trim_db
        command = f"prepare the records with: acrnn prepare CORPUS --frontend {name} --segments {rule} --out FOLDER"
        return command if trim_db is None else f"{command}, and the option trim_db {trim_db:g}"

    def _leak(self, records: RecordSet) -> str:
        """Reason why test utterances may have been in the training of the model; "" for none."""
        if self.records_sha256 == records.manifest.content_sha256:
            return "it was trained on the same records"
        speakers = {row.speaker for row in records.utterances}
        corpus = shared_corpus(self.corpus, self.other_corpora, self.speakers, records.manifest.corpus, speakers)
        if corpus or self.sounds is None or records.sounds is None:
            return corpus
        return training_overlap(self.sounds, records.sounds.sha256, {row.id: row.path for row in records.utterances})


def shared_corpus(
    trained_on: Mapping[str, str],
    other_corpora: Mapping[str, Mapping[str, str]],
    trained_speakers: Collection[str],
    tested: Mapping[str, str],
    tested_speakers: Collection[str],
) -> str:
    """Returns why the speakers of a corpus may have been in the training of a model; "" for no reason.

    Args:
        trained_on: corpus of the model: "name", "title" and, for own data, "reader".
        other_corpora: further corpora of its training, by their use.
        trained_speakers: speakers that it was trained on.
        tested: the corpus to test on, with the same fields.
        tested_speakers: its speakers.
    """
    titles = {trained_on["title"], *(other["title"] for other in other_corpora.values())} - {""}
    if trained_on["name"] == tested["name"] or tested["title"] in titles:
        return f"it was trained on the same corpus ({tested['title'] or tested['name']})"
    shared = sorted(set(trained_speakers) & set(tested_speakers))
    if shared and trained_on.get("reader") and tested.get("reader"):  # two names of own data may have one origin
        return f"it was trained on the speakers {', '.join(shared[:3])}, who are in this corpus"
    return ""


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
