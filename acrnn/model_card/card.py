"""The card of an exported model: its inputs and outputs, training data, estimated performance and limitations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from acrnn import files
from acrnn.model_card import changes, checksums
from acrnn.model_card.fields import check_card
from acrnn.reading import check_fields, foreign_errors

if TYPE_CHECKING:
    from acrnn.frontends import Spec
    from acrnn.frontends.statistics import Prior
    from acrnn.records.sound_sample import SoundSample
    from acrnn.segments import SegmentRule

FORMAT = "acrnn-model"
FORMAT_VERSION = 1
CARD = Path("assets.extra", "card.json")
WORDS = CARD.parent / "words.txt"  # vocabulary of a model that takes texts: one word a line, in the order of the ids
MAX_SECONDS = 600.0
CHOSEN = "The model was chosen among several by its UAR on this corpus, so that these figures are slightly too high."
REMEDY = "name the folder of an exported model, or export one with: acrnn export --run RUN --out saved_models/NAME/1"
_JSON_KEYS = {"auxiliary_inputs": "companions"}  # keys in the JSON file that differ from the field's name


@dataclass(frozen=True)
class Card:
    """Description of a model, stored as JSON in its version folder.

    Attributes:
        name: name of the model.
        system: key in MODELS.
        summary: one line about the system.
        labels: emotions in the order of the probabilities.
        frontend: front end, see `frontends`.
        rule: segment rule, see `segments`.
        pooling: combines the posteriors of segments into those of the utterance, see `segments.pool_logits`.
        whole_utterances: True if an utterance is one segment of any length.
        has_attention: True if the model returns attention weights.
        corpus: name, title, version, licence and citation of the training data; "speakers" is "unknown" where they are.
        fitted_on: "speakers", "epochs", "seed" and, for a run of a cross-validation, "fold"; "speeds" of the recordings and their
            copies, if there are any; for an ensemble, epochs and seed of the first network, and "members", a list of "epochs" and
            "seed" of each.
        estimate: cross-validated performance on unseen speakers: UAR, WA, figures per class, coverage; None if not measured. That of
            an ensemble is the performance of the averaged posteriors of the runs with its seeds, "fused_seeds".
        recipe, network: settings of the experiment, as in its results.
        versions: versions of the software that exported the model.
        max_seconds: longest utterance that is accepted, in seconds.
        formats: title of each exported format, by key in `model_card.FORMATS`.
        auxiliary_inputs: inputs in addition to sound, some of `records.auxiliary_inputs.NAMES`; the vocabulary is in WORDS.
        speaker_embedding_size: number of values in a speaker embedding; 0 if the model takes none.
        speaker_prior: average training speaker of a model that takes speaker profiles, a JSON object of
            `frontends.statistics.Prior`; None for others.
        speaker_dense: "mean" and "variance" of the batch-normalized dense layer on the training part, of a model that adapts them
            to a speaker; None for others.
        other_corpora: title, version, licence and citation of each corpus that adds to the training, by its use: "pre-training",
            "joint training".
        evaluations: figures on other corpora, an object for each: "corpus" (title), "emotions", "speakers", "utterances", and "results",
            a list of "enrolled" (number of enrolment utterances), "uar" and "interval"; "chosen" is true if the model was chosen among
            others by its UAR there.
        sounds: sounds of the training, a JSON object of `records.sound_sample.SoundSample`; None where they are not known.
        sha256: SHA-256 of each file of the model but the card, by its path in the version folder; empty on cards of earlier
            versions.
    """

    name: str
    system: str
    summary: str
    labels: tuple[str, ...]
    frontend: Spec
    rule: SegmentRule
    pooling: str
    whole_utterances: bool
    has_attention: bool
    corpus: Mapping
    fitted_on: Mapping
    estimate: Mapping | None
    recipe: Mapping
    network: Mapping
    versions: Mapping[str, str]
    max_seconds: float = MAX_SECONDS
    formats: Mapping[str, str] = field(default_factory=dict)
    auxiliary_inputs: tuple[str, ...] = ()
    speaker_embedding_size: int = 0
    other_corpora: Mapping[str, Mapping] = field(default_factory=dict)
    speaker_prior: Mapping | None = None
    speaker_dense: Mapping | None = None
    evaluations: tuple[Mapping, ...] = ()
    sounds: Mapping | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def prior(self) -> Prior | None:
        """The average training speaker of a model that takes speaker profiles; None for others."""
        from acrnn.frontends.statistics import Prior

        return None if self.speaker_prior is None else Prior.from_dict(self.speaker_prior)

    @cached_property
    def training_sounds(self) -> SoundSample | None:
        """The sounds of the training; None where they are not known."""
        from acrnn.records.sound_sample import SoundSample

        return None if self.sounds is None else SoundSample.from_dict(self.sounds)

    @property
    def num_networks(self) -> int:
        """Number of networks: one, or those of an ensemble."""
        return len(self.fitted_on.get("members", ())) or 1

    @property
    def ensemble(self) -> str:
        """Number of networks in words, such as "ensemble of 3 networks"; empty for one network."""
        return f"ensemble of {self.num_networks} networks" if self.num_networks > 1 else ""

    @property
    def takes_speaker(self) -> bool:
        """True for a model that takes speaker profiles."""
        return self.speaker_prior is not None or self.speaker_dense is not None

    @property
    def identity(self) -> str:
        """Hash of the network's training, the same for all formats of a model: a speaker profile fits one model."""
        trained = {
            name: getattr(self, name) for name in ("system", "labels", "corpus", "fitted_on", "recipe", "network")
        }
        return files.sha256_of_json(json.loads(json.dumps({**trained, "dense": self.speaker_dense})))

    @property
    def sample_rate_hz(self) -> int:
        """Sampling rate that the model takes; other rates are converted."""
        return self.frontend.sample_rate_hz

    @property
    def inputs(self) -> str:
        """Names of all inputs in words, such as "sound and text"."""
        return " and ".join(["sound", *(name.replace("_", " ") for name in self.auxiliary_inputs)])

    @property
    def recipe_name(self) -> str:
        """Name of the recipe, such as "recipe tuned"; "changed recipe" if it is none of RECIPES."""
        from acrnn import recipes

        name = recipes.name_of(self.recipe) if {"epochs", "precision"} <= set(self.recipe) else "changed"
        return "changed recipe" if name == "changed" else f"recipe {name}"

    def recipe_summary(self) -> str:
        """Returns the recipe's name with its main hyper-parameters and the network fields that it sets."""
        from acrnn import recipes
        from acrnn.recipes.augmentation import Augmentation

        titles = {"optimizer": "", "learning_rate": "learning rate ", "batch_size": "batch size "}
        values = [f"{title}{self.recipe[key]}" for key, title in titles.items() if key in self.recipe]
        values += [recipes.from_dict(self.recipe).length] if "epochs" in self.recipe else []
        values += [f"{name} {changes.shown(value)}" for name, value in self.recipe.get("network", {}).items()]
        if self.recipe.get("augmentation"):
            values += Augmentation(**self.recipe["augmentation"]).conditions
        return f"{self.recipe_name} ({', '.join(values)})" if values else self.recipe_name

    @property
    def segmentation(self) -> str:
        """Segment rule and pooling in words; a system of whole utterances has neither."""
        return "whole utterances" if self.whole_utterances else f"`{self.rule}`, pooled by {self.pooling}"

    @property
    def trained_on(self) -> str:
        """Training speakers in words: their number, or that they are unknown."""
        count = len(self.fitted_on["speakers"])
        return "unknown speakers" if "speakers" in self.corpus else f"{count} speaker{'s' * (count != 1)}"

    @property
    def tested_on(self) -> str:
        """Speakers of the estimate in words: new ones, unknown ones, those of the training part too, or a deliberate leak."""
        from acrnn.folds import PROTOCOLS

        estimate = self.estimate or {}
        if mistake := estimate.get("mistake"):
            return f"speakers whose results a deliberate leak ({mistake}) makes too high"
        if "speakers" in self.corpus:
            return "utterances of unknown speakers, some of whom the network may have been trained on"
        protocol = PROTOCOLS.get(estimate.get("protocol", ""))
        if protocol is not None and not protocol.speaker_independent:
            return "other utterances of speakers that the network was trained on"
        return "speakers that the network was not trained on"

    @property
    def network_name(self) -> str:
        """Kind of network: "the system's default network", "reduced network" or "changed network"."""
        from acrnn.models import MODELS

        if self.system not in MODELS:
            return "network of a system that is not installed"
        reduced = json.loads(json.dumps(dict(MODELS[self.system].reduced)))
        if reduced and all(self.network.get(name) == value for name, value in reduced.items()):
            return "reduced network"
        return "changed network" if self._network_changes() else "the system's default network"

    def network_summary(self) -> str:
        """Returns number and kind of the networks with the sizes that differ from the system's; see also `recipe_summary`."""
        kind = self.network_name if self.num_networks == 1 else f"{self.ensemble}, each of them {self.network_name}"
        sizes = ", ".join(
            f"{name} {changes.shown(value)} instead of {changes.shown(default)}"
            for name, (value, default) in self._network_changes().items()
        )
        return f"{kind} ({sizes})" if sizes else kind

    def _network_changes(self) -> dict[str, tuple[object, object]]:
        return changes.of_network(self.system, len(self.labels), self.network, self.recipe)

    def to_dict(self) -> dict:
        """Returns JSON-ready fields."""
        from acrnn import frontends

        left_out = {"frontend", "rule"}
        if not self.auxiliary_inputs:
            left_out |= {"auxiliary_inputs", "speaker_embedding_size"}
        optional = ("other_corpora", "speaker_prior", "speaker_dense", "evaluations", "sounds", "sha256")
        left_out |= {name for name in optional if not getattr(self, name)}
        names = [item.name for item in fields(self) if item.name not in left_out]
        values = {_JSON_KEYS.get(name, name): getattr(self, name) for name in names}
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **json.loads(json.dumps(values)),
            "frontend": frontends.to_dict(self.frontend),
            "segments": asdict(self.rule),
        }

    @classmethod
    def from_dict(cls, values: Mapping) -> Card:
        """Returns the card that `to_dict` wrote.

        Raises:
            ValueError: a value is of another type, or the card of another version.
            KeyError, TypeError: a field is missing or unknown.
        """
        from acrnn import frontends, segments

        if values.get("format") != FORMAT or values.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"format {values.get('format')!r} {values.get('format_version')!r}, this version reads {FORMAT!r} {FORMAT_VERSION}"
            )
        others = {name: value for name, value in values.items() if name not in ("format", "format_version")}
        frontend, rule = frontends.from_dict(others.pop("frontend")), segments.from_dict(others.pop("segments"))
        others["auxiliary_inputs"] = others.pop(_JSON_KEYS["auxiliary_inputs"], ())
        check_card(check_fields(cls, others, {"frontend", "rule"}))
        tuples = {name: tuple(others.get(name, ())) for name in ("labels", "auxiliary_inputs", "evaluations")}
        card = cls(**{**others, **tuples}, frontend=frontend, rule=rule)
        _ = card.prior, card.training_sounds  # reads them
        return card

    @classmethod
    def read(cls, folder: Path) -> Card:
        """Reads the card of the model in a version folder.

        Raises:
            FileNotFoundError: the folder holds no card.
            ValueError: the card is damaged or of another version.
        """
        path = folder / CARD
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: not an exported model, it has no {CARD}; {REMEDY}")
        values = files.read_json(path, REMEDY)
        with foreign_errors(path, "not the card of a model of this version", REMEDY):
            return cls.from_dict(values)

    def write(self, folder: Path) -> Card:
        """Writes the card into a version folder, as JSON and as a Markdown page (README.md), when all other files are there.

        Returns:
            The card with the checksums of the files.
        """
        files.make_folder(folder / CARD.parent)
        files.write_text(folder / "README.md", self.markdown())
        (folder / CARD).unlink(missing_ok=True)
        card = replace(self, sha256=checksums.of_folder(folder))
        files.write_json(folder / CARD, card.to_dict())
        return card

    def markdown(self) -> str:
        """Returns the card as a Markdown page."""
        import jinja2

        environment = jinja2.Environment(loader=jinja2.PackageLoader("acrnn"), trim_blocks=True, lstrip_blocks=True)
        return environment.get_template("card.md.j2").render(card=self, chosen_by_figures=CHOSEN)
