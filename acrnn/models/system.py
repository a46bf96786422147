"""The declaration of a system: its network, its estimator, and what it is fed and trained with by default.

Every system's folder declares its own in `SYSTEMS`; `acrnn.models.MODELS` collects them. Imports no Keras: a network's module
is imported when the network is built.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from acrnn.errors import FieldError, UsageError
from acrnn.frontends import FRONTENDS
from acrnn.models.published import Published
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import RANDOM, InitialWeights
from acrnn.records import Manifest, RecordSet
from acrnn.records.auxiliary_inputs import WORD_VECTORS

if TYPE_CHECKING:
    import keras

    from acrnn.training.estimator import Estimator


@dataclass(frozen=True)
class Lazy:
    """A function in a module that imports Keras, imported at its first call.

    Attributes:
        module, name: where the function is.
    """

    module: str
    name: str

    def load(self) -> Callable:
        """The function itself; the layers of its module are registered with Keras then."""
        return getattr(importlib.import_module(self.module), self.name)

    def __call__(self, *arguments):
        return self.load()(*arguments)


@dataclass(frozen=True)
class System:
    """A published system with one of its variants.

    Attributes:
        summary: one line for the command line.
        config: frozen dataclass of the network's sizes. Its first field is `num_classes`; its defaults are the paper's values.
        build: makes the untrained keras.Model of a `config`; a `Lazy` where its module imports Keras.
        frontend: key in `acrnn.frontends.FRONTENDS`.
        segments: key in `acrnn.segments.RULES`: how utterances are cut into segments.
        recipe: the default recipe.
        variant: fields of `config` that distinguish this system from its paper's main one.
        make_estimator: makes the estimator of (config, recipe, initial weights); None for a network that is trained end to
            end by gradient descent, see `acrnn.training.network.Network`.
        whole_utterances: whether the network takes whole utterances, so that the records must hold every frame once.
        pretrained: whether training has two stages, the first of which accepts initial weights, see
            `acrnn.recipes.initial_weights`.
        other_frontends: further keys in FRONTENDS that the network accepts.
        reduced: fields of `config` for a smaller network for experiments; empty where there is none.
        auxiliary_inputs: auxiliary inputs of the network, some of `auxiliary_inputs.NAMES`: a text is required, a speaker
            embedding is used where the records hold one.
        published: the paper's figures, and the fields of `config` in which a network of full size may differ from the paper's.
    """

    summary: str
    config: type
    build: Callable[[Any], keras.Model]
    frontend: str
    segments: str
    recipe: Recipe
    variant: Mapping[str, object] = field(default_factory=dict)
    make_estimator: Callable[[Any, Recipe, InitialWeights], Estimator] | None = None
    whole_utterances: bool = False
    pretrained: bool = False
    other_frontends: tuple[str, ...] = ()
    reduced: Mapping[str, object] = field(default_factory=dict)
    auxiliary_inputs: tuple[str, ...] = ()
    published: Published | None = None

    def records_name(self, frontend: str | None = None) -> str:
        """What its records are called by default: the front end, and the segment rule where that has another name."""
        frontend = self.frontend_name(frontend)
        return frontend if frontend == self.segments else f"{frontend}_{self.segments}"

    def frontend_name(self, wanted: str | None = None) -> str:
        """The front end that is wanted, or the default.

        Raises:
            UsageError: the system takes no such.
        """
        known = (self.frontend, *self.other_frontends)
        if wanted and wanted not in known:
            raise UsageError(f"--frontend {wanted}: {self.summary} takes {' or '.join(known)}")
        return wanted or self.frontend

    def configure(self, manifest: Manifest, **options):
        """The network's configuration for a record set; options override fields of `Config`.

        Raises:
            UsageError: the system has no such field, or a value is out of range.
        """
        frames, bands, channels = manifest.segment_shape
        shape = {"frames": frames, "bands": bands, "record_channels": channels, "padding": manifest.rule.padding}
        if "speaker_embedding" in self.auxiliary_inputs:
            shape["speaker_embedding_size"] = manifest.speaker_embedding_size
        if "text" in self.auxiliary_inputs and (vectors := manifest.auxiliary_inputs.get(WORD_VECTORS)):
            shape["embedding_size"] = vectors["size"]
        return self._config(len(manifest.labels), {**shape, **options})

    def check_options(self, **options) -> None:
        """Refuses options that `configure` would refuse, before any records are there.

        Raises:
            UsageError: as in `configure`.
        """
        self._config(2, options)

    def _config(self, num_classes: int, options: Mapping[str, object]):
        defaults = {item.name: item.default for item in fields(self.config)}
        for name, value in options.items():
            if name not in defaults:
                raise FieldError(name, "", f"{self.summary} has no such field; leave it out")
            if not _like(value, defaults[name]):
                raise FieldError(name, repr(value), f"it must be of the kind of {defaults[name]!r}")
        return self.config(num_classes, **{**self.variant, **options})

    def check_records(self, records: RecordSet) -> None:
        """Refuses records of another front end than this system's, or cut so that it cannot use them.

        Raises:
            ValueError: another front end made them, segments overlap that must be put together again, or no utterance
                has a text where one is read.
        """
        remedy = f"prepare others with: python -m data_prep CORPUS --frontend {self.frontend} --segments {self.segments} --out FOLDER"
        if records.manifest.frontend not in [FRONTENDS[name] for name in (self.frontend, *self.other_frontends)]:
            raise ValueError(f"{records.folder}: made by another front end than {self.summary} needs; {remedy}")
        if self.whole_utterances and not records.manifest.rule.holds_every_frame_once:
            raise ValueError(
                f"{records.folder}: segments overlap, or leave frames out, and {self.summary} needs each once; {remedy}"
            )
        if "text" in self.auxiliary_inputs and not any(row.text for row in records.utterances):
            raise ValueError(
                f"{records.folder}: no utterance has a text, and {self.summary} reads them; {remedy} --transcripts FILE"
            )

    def check_recipe(self, recipe: Recipe, initial_weights: InitialWeights = RANDOM) -> None:
        """Refuses a recipe or a start that means nothing for this system.

        Raises:
            UsageError: as it says.
        """
        if len(recipe.stages) > 1 and not self.pretrained:
            raise UsageError(f"--recipe: it trains in two stages, and {self.summary} in one; choose another")
        if len(recipe.stages) == 1 and self.pretrained:
            raise UsageError(
                f"--recipe: it trains in one stage, and {self.summary} in two; take zhang2021-faster or none"
            )
        if initial_weights != RANDOM and not self.pretrained:
            option = "--imagenet-weights" if initial_weights.kind == "imagenet" else "--pretrain"
            raise UsageError(f"{option}: {self.summary} always starts at random; leave it out")

    def register_layers(self) -> None:
        """Registers the network's layers with Keras, so that its .keras files can be loaded."""
        if isinstance(self.build, Lazy):
            self.build.load()

    def estimator(self, config, recipe: Recipe, initial_weights: InitialWeights = RANDOM) -> Estimator:
        """The untrained estimator of a configuration.

        Raises:
            UsageError: the recipe has options that mean nothing for this system.
        """
        if self.make_estimator is not None:
            return self.make_estimator(config, recipe, initial_weights)
        from acrnn.training.network import Network

        return Network(lambda: self.build(config), recipe)


def _like(value, default) -> bool:
    """Whether a value can stand in the place of a field's default; anything can where that is None."""
    if default is None or value is None or isinstance(default, tuple):
        return default is None or isinstance(value, list | tuple)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, int | float if isinstance(default, float) else type(default))
