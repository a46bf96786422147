"""The registry of systems. A system's module holds a frozen `Config` and `build(config)`; it is imported when used.

A system that is not fitted by gradient descent from end to end brings its own `estimator(config, recipe)` as well.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from acrnn import recipes
from acrnn.console import UsageError, import_quietly
from acrnn.frontends import FRONTENDS
from acrnn.recipes import Recipe
from acrnn.recipes.initial_weights import RANDOM, Start
from acrnn.records import Manifest, RecordSet
from acrnn.records.auxiliary_inputs import NAMES, WORD_VECTORS


@dataclass(frozen=True)
class System:
    """A published system: the network with its variant, and what it is fed and trained with by default.

    Attributes:
        summary: one line for the command line.
        module: where `Config` and `build` are.
        frontend: name in `acrnn.frontends.FRONTENDS`.
        segments: name in `acrnn.segments.RULES`: how its utterances are cut.
        other_frontends: further names in FRONTENDS that it may be fed from.
        reduced: fields of `Config` that make a smaller network, to try things; empty where there is none.
        recipe: how it is trained.
        variant: the fields of `Config` that make this system differ from its paper's main one.
        pretrained: whether it is trained in two stages, the first of which may start from elsewhere than chance, see
            `acrnn.recipes.initial_weights`.
        whole_utterances: whether it puts utterances together again, so that its records must hold every frame once.
        companions: which of `companions.NAMES` it takes beside the sound: a text it needs, a speaker embedding it uses
            where the records hold one.
    """

    summary: str
    module: str
    frontend: str
    segments: str
    recipe: Recipe
    variant: Mapping[str, object] = field(default_factory=dict)
    whole_utterances: bool = False
    pretrained: bool = False
    other_frontends: tuple[str, ...] = ()
    reduced: Mapping[str, object] = field(default_factory=dict)
    companions: tuple[str, ...] = ()

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
        if "speaker_embedding" in self.companions:
            shape["speaker_embedding_size"] = manifest.speaker_embedding_size
        if "text" in self.companions and (vectors := manifest.companions.get(WORD_VECTORS)):
            shape["embedding_size"] = vectors["size"]
        return self._config(len(manifest.labels), {**shape, **options})

    def check_options(self, **options) -> None:
        """Refuses options that `configure` would refuse, before any records are there.

        Raises:
            UsageError: as in `configure`.
        """
        self._config(2, options)

    def _config(self, num_classes: int, options: Mapping[str, object]):
        import_quietly("keras")
        config_class = importlib.import_module(self.module).Config
        known = {item.name for item in fields(config_class)}
        for name, value in options.items():
            if name not in known:
                raise UsageError(f"--{name.replace('_', '-')}: {self.summary} has no such part; leave it out")
            if not _like(value, getattr(config_class, name, None)):
                example = getattr(config_class, name)
                raise UsageError(f"--{name.replace('_', '-')} {value!r}: it must be of the kind of {example!r}")
        return config_class(num_classes, **{**self.variant, **options})

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
        if "text" in self.companions and not any(row.text for row in records.utterances):
            raise ValueError(
                f"{records.folder}: no utterance has a text, and {self.summary} reads them; {remedy} --transcripts FILE"
            )

    def check_recipe(self, recipe: Recipe, start: Start = RANDOM) -> None:
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
        if start != RANDOM and not self.pretrained:
            option = "--imagenet-weights" if start.kind == "imagenet" else "--pretrain"
            raise UsageError(f"{option}: {self.summary} always starts at random; leave it out")

    def estimator(self, config, recipe: Recipe, start: Start = RANDOM):
        """What fits and predicts: fit(train, validation, seed, on_epoch), posteriors(source), attention, save.

        A module that holds an `estimator(config, recipe)` says itself what that is; else it is a `Network` over `build`.

        Raises:
            UsageError: the recipe has options that mean nothing for this system.
        """
        from acrnn.training.network import Network

        module = importlib.import_module(self.module)
        if hasattr(module, "estimator"):
            return module.estimator(config, recipe, start) if self.pretrained else module.estimator(config, recipe)
        return Network(lambda: module.build(config), recipe)


def _like(value, default) -> bool:
    """Whether a value can stand in the place of a field's default; anything can where that is None."""
    if default is None or value is None or isinstance(default, tuple):
        return default is None or isinstance(value, list | tuple)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, int | float if isinstance(default, float) else type(default))


_CHEN = "acrnn.models.chen2018.network"
_ZHANG = "acrnn.models.zhang2021.network"
# A fifth of the work of the paper's network: fewer maps and units, time pooled by four.
_SMALL_CHEN = {"first_filters": 32, "filters": 64, "linear_units": 192, "lstm_units": 64, "pool_size": (4, 2)}
# A fortieth: pictures of 99×99, a third of AlexNet's maps.
_SMALL_ZHANG = {"image_size": 99, "width": 0.334, "fc_units": 512}
_SMALL_LIM = {"filters": (16, 16), "dense_units": 128, "lstm_units": 64, "series_units": 128}
_PENG = "acrnn.models.peng2021.network"


def _peng(summary: str, variant: Mapping[str, object], companions: tuple[str, ...]) -> System:
    return System(
        f"{summary} (Peng et al. 2021)",
        _PENG,
        "peng2021",
        "han2014",
        recipes.PENG2021,
        variant,
        whole_utterances=True,
        companions=companions,
    )


MODELS: dict[str, System] = {
    "chen2018-3d": System(
        "3-D ACRNN (Chen et al. 2018)", _CHEN, "chen2018", "chen2018", recipes.CHEN2018, reduced=_SMALL_CHEN
    ),
    "chen2018-2d": System(
        "2-D ACRNN, static log-Mels alone (Chen et al. 2018)",
        _CHEN,
        "chen2018",
        "chen2018",
        recipes.CHEN2018,
        {"channels": 1},
        reduced=_SMALL_CHEN,
    ),
    "chen2018-original": System(
        "3-D ACRNN as in the authors' code, without its defects",
        _CHEN,
        "chen2018-original",
        "chen2018-original",
        recipes.CHEN2018_ORIGINAL,
        {
            "pool_size": (2, 4),
            "negative_slope": 0.01,
            "linear_batch_norm": True,
            "attention_hidden": 1,
            "dense_batch_norm": False,
            "normalization": "band",
            "initial_deviation": 0.1,
        },
        reduced=_SMALL_CHEN,
    ),
    "zhang2021": System(
        "DCNN-BLSTM with attention (Zhang et al. 2021)",
        _ZHANG,
        "zhang2021",
        "zhang2021",
        recipes.ZHANG2021,
        pretrained=True,
        reduced=_SMALL_ZHANG,
    ),
    "zhang2021-no-attention": System(
        "DCNN-BLSTM, the mean over time in place of attention (Zhang et al. 2021)",
        _ZHANG,
        "zhang2021",
        "zhang2021",
        recipes.ZHANG2021,
        {"attention": False},
        pretrained=True,
        reduced=_SMALL_ZHANG,
    ),
    "zhang2021-2cnn-lstm": System(
        "2-CNN-LSTM, the baseline of Zhang et al. (2021)",
        "acrnn.models.zhang2021.baseline",
        "zhang2021",
        "zhang2021",
        recipes.ZHANG2021_BASELINE,
    ),
    "han2014-dnn-elm": System(
        "DNN-ELM (Han et al. 2014)",
        "acrnn.models.han2014.network",
        "han2014",
        "han2014",
        recipes.HAN2014,
        whole_utterances=True,
    ),
    **{
        f"lim2016-{network}": System(
            f"{title} (Lim et al. 2016)",
            "acrnn.models.lim2016.network",
            "lim2016-log",  # of magnitudes themselves it learns less (notes on emodb_lim2016)
            rule,
            recipes.LIM2016,
            {"network": network},
            other_frontends=("lim2016",),
            reduced=_SMALL_LIM,
        )
        for network, title, rule in (
            ("cnn", "CNN on STFT images", "lim2016"),
            ("lstm", "three LSTM layers on STFT frames", "lim2016"),
            ("tdcnn", "time-distributed CNN on STFT images", "lim2016-series"),
        )
    },
    "peng2021-audio": _peng("MSCNN-SPU, speech alone", {"text": False}, ("speaker_embedding",)),
    "peng2021-text": _peng("MSCNN-SPU, text alone", {"audio": False}, ("text",)),
    "peng2021-bimodal": _peng("MSCNN-SPU, speech and text", {}, NAMES),
    "peng2021-bimodal-att": _peng("MSCNN-SPU-ATT, speech that attends to text", {"attention": True}, NAMES),
}
