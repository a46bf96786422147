"""The card of an exported model: what it hears and says, what it was fitted on, how well it does and what it is not for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acrnn import files, frontends, segments

FORMAT = "acrnn-model"
FORMAT_VERSION = 1
_KEYS = {"auxiliary_inputs": "companions"}  # keys of the JSON that differ from the field's name
CARD = Path("assets.extra", "card.json")
WORDS = CARD.parent / "words.txt"  # of a model that reads: one a line, in the order of their ids
MAX_SECONDS = 600.0
FORMATS = {
    "saved-model": "TensorFlow, for TF Serving",
    "onnx": "ONNX, float32",
    "onnx-int8": "ONNX, 8-bit weights",
    "litert": "LiteRT, float32",
    "litert-float16": "LiteRT, 16-bit weights",
    "litert-int8": "LiteRT, 8-bit weights",
}
REMEDY = "name the folder of an exported model, or export one with: acrnn export --run RUN --out saved_models/NAME/1"


@dataclass(frozen=True)
class Card:
    """What travels with a model, as JSON.

    Attributes:
        name: of the model.
        system, summary: key in MODELS and its one line.
        labels: emotions in the order of the probabilities.
        frontend, rule, pooling: how it hears, cuts and sums up; see `frontends`, `segments`.
        whole_utterances: whether an utterance is one segment, however long.
        has_attention: whether it says which frames counted.
        max_seconds: a longer utterance is refused.
        corpus: name, title, version, licence, citation of the data.
        fitted_on: "speakers", "epochs", "seed" and, of a run of a cross-validation, "fold".
        estimate: of the cross-validation: UAR and WA on speakers it did not hear, per class, with coverage.
        recipe, network: as in the experiment.
        versions: of what made it.
        auxiliary_inputs: what it takes beside the sound, some of `auxiliary_inputs.NAMES`; the words that it knows lie in WORDS.
        speaker_embedding_size: of the one that it takes, if it does.
    """

    name: str
    system: str
    summary: str
    labels: tuple[str, ...]
    frontend: frontends.Spec
    rule: segments.SegmentRule
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

    @property
    def sample_rate_hz(self) -> int:
        return self.frontend.sample_rate_hz

    def to_dict(self) -> dict:
        """JSON-ready fields."""
        left_out = {"frontend", "rule"} | (
            set() if self.auxiliary_inputs else {"auxiliary_inputs", "speaker_embedding_size"}
        )
        values = {_KEYS.get(name, name): value for name, value in vars(self).items() if name not in left_out}
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **json.loads(json.dumps(values)),
            "frontend": frontends.to_dict(self.frontend),
            "segments": asdict(self.rule),
        }

    @classmethod
    def from_dict(cls, values: Mapping) -> Card:
        """The card that `to_dict` wrote.

        Raises:
            ValueError: it is none, or another version's.
        """
        if values.get("format") != FORMAT or values.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"format {values.get('format')!r} {values.get('format_version')!r}, this version reads {FORMAT!r} {FORMAT_VERSION}"
            )
        try:
            known = {name: value for name, value in values.items() if name not in ("format", "format_version")}
            frontend, rule = frontends.from_dict(known.pop("frontend")), segments.from_dict(known.pop("segments"))
            lists = {"labels": tuple(known.get("labels", ())), "auxiliary_inputs": tuple(known.pop("companions", ()))}
            return cls(**{**known, **lists}, frontend=frontend, rule=rule)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"a field is missing or unknown ({error})") from error

    @classmethod
    def read(cls, folder: Path) -> Card:
        """The card of the model in a version folder.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged or another version's.
        """
        path = folder / CARD
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: not an exported model, it has no {CARD}; {REMEDY}")
        values = files.read_json(path, REMEDY)
        try:
            return cls.from_dict(values)
        except (ValueError, AttributeError) as error:
            raise ValueError(f"{path}: not the card of a model of this version: {error}; {REMEDY}") from error

    def write(self, folder: Path) -> None:
        """Writes the card into a version folder: as JSON, and as a page to read."""
        files.make_folder(folder / CARD.parent)
        files.write_json(folder / CARD, self.to_dict())
        files.write_text(folder / "README.md", self.markdown())

    def markdown(self) -> str:
        """The card as a page."""
        import jinja2

        environment = jinja2.Environment(loader=jinja2.PackageLoader("acrnn"), trim_blocks=True, lstrip_blocks=True)
        return environment.get_template("card.md.j2").render(card=self)
