"""The settings of an experiment, as its results files hold them: everything that a run's result depends on besides fold and seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from acrnn import frontends, recipes, segments
from acrnn.batches.speaker_statistics import CORPUS, SPEAKER, TRANSDUCTIVE, Choice
from acrnn.models import MODELS, System
from acrnn.models.field_checks import OMITTED_DEFAULT
from acrnn.reading import check_fields
from acrnn.recipes import Recipe

# Keys in JSON that differ from the field's name.
_KEYS = {
    "initial_weights": "start",
    "auxiliary_inputs": "companions",
    "frontend_fields": "frontend",
    "segment_fields": "segments",
    "network_fields": "network",
    "recipe_fields": "recipe",
}
# Not written while they have their defaults.
_OPTIONAL = (
    "mistake",
    "speeds",
    "initial_weights",
    "auxiliary_inputs",
    "train_on_validation",
    "joint",
    "speaker_statistics",
    "test_speeds",
    "fusion",
    "baseline",
)
_OPTIONAL_OF_CORPUS = ("reader", "speakers")


@dataclass(frozen=True)
class CorpusInfo:
    """The corpus of a record set.

    Attributes:
        name: name of the corpus, such as "emodb".
        subset: name of the selected subset; None for a corpus without subsets.
        complete: whether the recordings are all of the published ones.
        title, version, licence, citation: for people.
        reader: corpus that reads the data, where they have a name of their own: "manifest"; "" where it is the name.
        speakers: "unknown" where the data do not name their speakers, else "".
    """

    name: str
    subset: str | None = None
    complete: bool = False
    title: str = ""
    version: str = ""
    licence: str = ""
    citation: str = ""
    reader: str = ""
    speakers: str = ""

    @property
    def dataset(self) -> str:
        """Corpus that reads the data, as on the command line."""
        return self.reader or self.name


@dataclass(frozen=True)
class Settings:
    """The settings of an experiment.

    The fields ending in `_fields` are mappings exactly as in the file, since a settings hash is computed from them; an earlier
    version's file may lack fields that were added later. The properties of the same names without the ending fill in defaults.

    Attributes:
        corpus: the corpus.
        records_sha256: hash of the records' content.
        labels: emotions in class order.
        frontend_fields: fields of the front end, see `acrnn.frontends`.
        segment_fields: fields of the segment rule, see `acrnn.segments.SegmentRule`.
        model: key of the system in MODELS.
        network_fields: fields of the network's `Config`.
        recipe_fields: fields of the recipe, see `acrnn.recipes.Recipe`.
        protocol: key of the protocol in PROTOCOLS.
        split_sha256: hash of all folds.
        mistake: key in `acrnn.crossval.leakage.MISTAKES` of a deliberate leak; None for an experiment without one.
        speeds: playing speeds of the training utterances and their copies; None where there are no copies.
        initial_weights: description of the initial weights, {"kind", …}; None for a random start of a system of one stage.
        auxiliary_inputs: origin of the records' texts, word vectors and speaker embeddings, by name.
        train_on_validation: the validation speakers of each fold are in its training part, and it has no validation part.
        joint: description of another record set in every training part, see `acrnn.crossval.joint`; None without one.
        speaker_statistics: recordings whose mean and deviation normalize an utterance, see `normalized_by`; "corpus" for the
            training part's.
        test_speeds: playing speeds at which every utterance was predicted, see `acrnn.crossval.prediction.again`; None for the
            recordings alone.
        fusion: rule and members of a fusion of experiments, see `acrnn.crossval.fusion`; None for an experiment. The fields of
            front end, segments, network and recipe are then empty.
        baseline: classifier and candidate hyper-parameters of a classical baseline, see `acrnn.baselines`, which has no
            fields of a network or recipe; None for a network.
    """

    corpus: CorpusInfo
    records_sha256: str
    labels: tuple[str, ...]
    frontend_fields: Mapping
    segment_fields: Mapping
    model: str
    network_fields: Mapping
    recipe_fields: Mapping
    protocol: str
    split_sha256: str
    mistake: str | None = None
    speeds: tuple[float, ...] | None = None
    initial_weights: Mapping | None = None
    auxiliary_inputs: Mapping[str, Mapping] = field(default_factory=dict)
    train_on_validation: bool = False
    joint: Mapping | None = None
    speaker_statistics: str = CORPUS
    test_speeds: tuple[float, ...] | None = None
    fusion: Mapping | None = None
    baseline: Mapping | None = None

    @classmethod
    def from_dict(cls, values: Mapping) -> Settings:
        """The settings in a JSON object.

        Raises:
            ValueError: a field is missing or unknown, or a value is of another type.
        """
        fields = {name: values[_KEYS.get(name, name)] for name in _names() if _KEYS.get(name, name) in values}
        unknown = set(values) - {_KEYS.get(name, name) for name in _names()}
        if unknown:
            raise ValueError(f"settings have the unknown fields {', '.join(sorted(unknown))}")
        check_fields(cls, fields, {"corpus"})
        try:
            fields["corpus"] = CorpusInfo(**check_fields(CorpusInfo, fields["corpus"]))
            fields["labels"] = tuple(fields["labels"])
            fields |= {name: tuple(fields[name]) for name in ("speeds", "test_speeds") if name in fields}
            return cls(**fields)
        except (TypeError, KeyError) as error:
            raise ValueError(f"a field of the settings is missing or unknown ({error})") from error

    def to_dict(self) -> dict:
        """The settings as a JSON object."""
        values: dict[str, Any] = {
            name: getattr(self, name)
            for name in _names()
            if name not in _OPTIONAL or getattr(self, name) not in (None, {}, False, CORPUS)
        }
        values |= {name: list(values[name]) for name in ("labels", "speeds", "test_speeds") if name in values}
        values["corpus"] = {
            name: value for name, value in asdict(self.corpus).items() if name not in _OPTIONAL_OF_CORPUS or value
        }
        return {_KEYS.get(name, name): value for name, value in values.items()}

    @property
    def system(self) -> System:
        """The declaration of the system.

        Raises:
            ValueError: no system has this name, as for a fusion or a classical baseline.
        """
        if self.fusion:
            raise ValueError("a fusion of experiments has no network of its own; choose one of its members")
        if self.baseline:
            raise ValueError(
                f"{self.model!r} is a classical baseline without a network; choose the folder of a network"
            )
        if self.model not in MODELS:
            raise ValueError(f"system {self.model!r} is unknown; choose from {', '.join(MODELS)}")
        return MODELS[self.model]

    @cached_property
    def config(self):
        """The `Config` of the network."""
        return self.system.config(**self.network_fields)

    @cached_property
    def recipe(self) -> Recipe:
        """The training recipe."""
        return recipes.from_dict(self.recipe_fields)

    @cached_property
    def frontend(self) -> frontends.Spec:
        """The front end."""
        return frontends.from_dict(self.frontend_fields)

    @cached_property
    def rule(self) -> segments.SegmentRule:
        """The segment rule."""
        return segments.from_dict(self.segment_fields)

    @property
    def normalized_by(self) -> Choice:
        """The choice of the recordings whose mean and deviation normalize an utterance."""
        return Choice.parse(self.speaker_statistics)

    @property
    def statistics_kind(self) -> str:
        """`Choice.kind` of the speaker statistics; for a fusion "speaker" if a member is transductive, else "corpus"."""
        if not self.fusion:
            return self.normalized_by.kind
        is_transductive = any(TRANSDUCTIVE in member["title"] for member in self.fusion["members"])
        return SPEAKER if is_transductive else CORPUS

    @property
    def split_title(self) -> str:
        """Protocol, with a statement where the speakers are unknown, for titles and tables."""
        return f"{self.protocol} (speakers unknown)" if self.corpus.speakers else self.protocol

    @property
    def num_models(self) -> int:
        """Number of networks and classical baselines that are fused; 1 for an experiment."""
        return sum(len(member.get("seeds", "1")) for member in self.fusion["members"]) if self.fusion else 1

    @property
    def other_corpora(self) -> dict[str, Mapping]:
        """Corpora that add to the training, with licence and citation.

        They are named by their use: "pre-training", "joint training", "training of the model acrnn_emodb". A fusion has those of its
        members.
        """
        if self.fusion:
            return {use: each for part in self.fusion["members"] for use, each in part.get("other_corpora", {}).items()}
        start: Mapping = self.initial_weights or {}
        of_model = f" of the model {start['model']}" if "model" in start else ""
        uses = {f"training{of_model}" if of_model else "pre-training": start, "joint training": self.joint or {}}
        uses |= {f"{use}{of_model}": corpus for use, corpus in start.get("other_corpora", {}).items()}
        return {use: values for use, values in uses.items() if "title" in values}

    @property
    def initial_weights_kind(self) -> str | None:
        """Kind of the initial weights, a key of `acrnn.recipes.initial_weights.TITLES`; None where there is no choice."""
        return self.initial_weights["kind"] if self.initial_weights else None


def network_fields_of(config: Any) -> dict:
    """The fields of a network's `Config` as a JSON object.

    A field with the metadata `OMITTED_DEFAULT` is left out while it has its default, so that a field that was added later does
    not change the settings of earlier experiments.
    """
    omitted = {
        item.name
        for item in fields(config)
        if OMITTED_DEFAULT.items() <= item.metadata.items() and getattr(config, item.name) == item.default
    }
    return {name: value for name, value in json.loads(json.dumps(asdict(config))).items() if name not in omitted}


def _names() -> list[str]:
    return list(Settings.__dataclass_fields__)
