"""The declaration of a system: its network and estimator, and its default front end, segment rule and recipe.

The folder of each system declares its variants in `SYSTEMS`; `acrnn.models.MODELS` collects them. This module imports no
Keras: the module of a network is imported when the network is built.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Protocol

from acrnn.errors import FieldError, UsageError
from acrnn.frontends import FRONTENDS
from acrnn.models.published import Published
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import RANDOM, TITLES, InitialWeights
from acrnn.recipes.recipe import AUTO, BFLOAT16, FLOAT32
from acrnn.records import Manifest, RecordSet
from acrnn.records.auxiliary_inputs import WORD_VECTORS

if TYPE_CHECKING:
    import keras

    from acrnn.training.estimator import Estimator


@dataclass(frozen=True)
class Lazy:
    """A function that is imported at its first call, because its module imports Keras.

    Attributes:
        module: module of the function, such as "acrnn.models.chen2018.network".
        name: name of the function.
    """

    module: str
    name: str

    def load(self) -> Callable[..., keras.Model]:
        """Imports and returns the function, which registers the layers of its module with Keras."""
        return getattr(importlib.import_module(self.module), self.name)

    def __call__(self, *arguments) -> keras.Model:
        return self.load()(*arguments)


class MakeEstimator(Protocol):
    """A function that returns the untrained estimator of a configuration."""

    def __call__(self, config: Any, recipe: Recipe, initial_weights: InitialWeights, /) -> Estimator: ...


@dataclass(frozen=True)
class System:
    """A published system, or a variant of it.

    Attributes:
        summary: name and paper in one line.
        config: frozen dataclass with sizes and options of the network. Its first field is `num_classes`; the fields
            `frames`, `bands`, `record_channels` and `padding` are set from the records; defaults are the paper's values.
        build: returns the untrained keras.Model of a `config`; a `Lazy` if its module imports Keras.
        frontend: key in `acrnn.frontends.FRONTENDS`.
        segments: key in `acrnn.segments.RULES`, the rule that cuts utterances into segments.
        recipe: default training recipe.
        variant: fields of `config` that distinguish this variant from the paper's main system.
        make_estimator: returns the untrained estimator; None for a network that is trained end to end by gradient descent
            (`acrnn.training.network.Network`).
        whole_utterances: the network takes whole utterances, so that segments must hold every frame exactly once.
        pretrained: training has two stages, and the first accepts initial weights of every kind
            (`acrnn.recipes.initial_weights`). Other systems accept those of another corpus or model, for the whole network.
        other_frontends: further keys in FRONTENDS that the network accepts.
        reduced: fields of `config` for a smaller network, for quick experiments; empty if there is none.
        auxiliary_inputs: auxiliary inputs of the network, of `auxiliary_inputs.NAMES`: text is required, a speaker
            embedding is used if the records hold one.
        published: figures of the paper, and the fields of `config` that may differ from its values in a network of full
            size.
        precisions: arithmetic precisions in which it can train.
    """

    summary: str
    config: type[Any]
    build: Callable[[Any], keras.Model]
    frontend: str
    segments: str
    recipe: Recipe
    variant: Mapping[str, object] = field(default_factory=dict)
    make_estimator: MakeEstimator | None = None
    whole_utterances: bool = False
    pretrained: bool = False
    other_frontends: tuple[str, ...] = ()
    reduced: Mapping[str, object] = field(default_factory=dict)
    auxiliary_inputs: tuple[str, ...] = ()
    published: Published | None = None
    precisions: tuple[str, ...] = (FLOAT32, BFLOAT16)

    def records_name(self, frontend: str | None = None) -> str:
        """Returns the default name of its record sets: the front end, and the segment rule if that has another name."""
        frontend = self.frontend_name(frontend)
        return frontend if frontend == self.segments else f"{frontend}_{self.segments}"

    def frontend_name(self, frontend: str | None = None) -> str:
        """Returns a front end that the system accepts: the given one, or the default for None.

        Raises:
            FieldError: the system does not accept it.
        """
        accepted = (self.frontend, *self.other_frontends)
        if frontend and frontend not in accepted:
            raise FieldError("frontend", frontend, f"{self.summary} takes {' or '.join(accepted)}")
        return frontend or self.frontend

    def configure(self, manifest: Manifest, **options: object) -> Any:
        """Returns the `config` of the network for a record set.

        Args:
            manifest: manifest of the record set, which gives classes, shape of the segments and auxiliary inputs.
            options: other fields of `config` and their values.

        Raises:
            FieldError: `config` has no such field, or a value is out of range.
        """
        frames, bands, channels = manifest.segment_shape
        shape = {"frames": frames, "bands": bands, "record_channels": channels, "padding": manifest.rule.padding}
        if "speaker_embedding" in self.auxiliary_inputs:
            shape["speaker_embedding_size"] = manifest.speaker_embedding_size
        if "text" in self.auxiliary_inputs and (vectors := manifest.auxiliary_inputs.get(WORD_VECTORS)):
            shape["embedding_size"] = vectors["size"]
        return self._config(len(manifest.labels), {**shape, **options})

    def check_options(self, **options: object) -> None:
        """Checks fields of `config` as `configure` does, without records.

        Raises:
            FieldError: as in `configure`.
        """
        self._config(2, options)

    def _config(self, num_classes: int, options: Mapping[str, object]) -> Any:
        defaults = {item.name: item.default for item in fields(self.config)}
        for name, value in options.items():
            if name not in defaults:
                raise FieldError(name, value, f"{self.summary} has no such field; leave it out")
            if not _has_type_of(value, defaults[name]):
                raise FieldError(name, repr(value), f"it must be a value such as {defaults[name]!r}")
        return self.config(num_classes, **{**self.variant, **options})

    def check_records(self, records: RecordSet) -> None:
        """Checks that the system can use the records of a record set.

        Raises:
            ValueError: the records come from a front end that the system does not accept; segments overlap or leave frames
                out, but the system needs whole utterances; or no utterance has a text, but the system needs it.
        """
        remedy = f"prepare others with: acrnn prepare CORPUS --frontend {self.frontend} --segments {self.segments} --out FOLDER"
        untrimmed = replace(records.manifest.frontend, trim_db=None)
        if untrimmed not in [FRONTENDS[name] for name in (self.frontend, *self.other_frontends)]:
            raise ValueError(f"{records.folder}: made by another front end than {self.summary} needs; {remedy}")
        if self.whole_utterances and not records.manifest.rule.holds_every_frame_once:
            raise ValueError(
                f"{records.folder}: segments overlap or leave frames out, but {self.summary} needs each frame once; {remedy}"
            )
        if "text" in self.auxiliary_inputs and not any(row.text for row in records.utterances):
            raise ValueError(
                f"{records.folder}: no utterance has a text, but {self.summary} needs it; {remedy}, with the option transcripts"
            )

    def check_recipe(self, recipe: Recipe, initial_weights: InitialWeights = RANDOM) -> None:
        """Checks that a recipe and initial weights fit the system.

        Raises:
            UsageError: the recipe has another number of stages or its precision is not chosen yet, or the system has no first
                stage for initial weights.
        """
        if recipe.precision == AUTO:
            problem = f"only a cross-validation measures it; choose {' or '.join(self.precisions)}"
            raise FieldError("precision", AUTO, problem)
        if len(recipe.stages) > 1 and not self.pretrained:
            raise FieldError("recipe", "", f"it has two stages, but {self.summary} is trained in one; choose another")
        if len(recipe.stages) == 1 and self.pretrained:
            raise FieldError(
                "recipe",
                "",
                f"it has one stage, but {self.summary} is trained in two; choose zhang2021 or zhang2021-faster",
            )
        if self.pretrained and (initial_weights.kind == "model" or initial_weights.frozen != "none"):
            raise UsageError(
                f"{self.summary}: trained in two stages, so it neither starts from a trained model nor freezes layers; leave "
                "these out"
            )
        if initial_weights.kind not in ("random", "corpus", "model") and not self.pretrained:
            raise UsageError(
                f"initial weights ({TITLES[initial_weights.kind]}): {self.summary} starts from random weights or from another "
                "corpus or model; leave them out, or name a record set to pre-train on"
            )

    def register_layers(self) -> None:
        """Registers the network's layers with Keras, so that its .keras files can be loaded."""
        if isinstance(self.build, Lazy):
            self.build.load()

    def estimator(self, config: Any, recipe: Recipe, initial_weights: InitialWeights = RANDOM) -> Estimator:
        """Returns the untrained estimator of a configuration.

        Raises:
            UsageError: the recipe has fields that the system does not use.
        """
        if self.make_estimator is not None:
            return self.make_estimator(config, recipe, initial_weights)
        from acrnn.training.network import Network

        return Network(lambda: self.build(config), recipe)


def _has_type_of(value: object, default: object) -> bool:
    """True if a field with this default may have the value; for None, any value."""
    if default is None or value is None or isinstance(default, tuple):
        return default is None or isinstance(value, list | tuple)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, int | float if isinstance(default, float) else type(default))
