"""The registry of systems. A system's module holds a frozen `Config` and `build(config)`; it is imported when used.

A system that is not fitted by gradient descent from end to end brings its own `estimator(config, recipe)` as well.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from acrnn import recipes
from acrnn.companions import NAMES, WORD_VECTORS
from acrnn.console import UsageError, import_quietly
from acrnn.frontends import FRONTENDS
from acrnn.recipes import Recipe
from acrnn.records import Manifest, RecordSet


@dataclass(frozen=True)
class System:
    """A published system: the network with its variant, and what it is fed and trained with by default.

    Attributes:
        summary: one line for the command line.
        module: where `Config` and `build` are.
        frontend: name in `acrnn.frontends.FRONTENDS`.
        segments: name in `acrnn.segments.RULES`: how its utterances are cut.
        recipe: how it is trained.
        variant: the fields of `Config` that make this system differ from its paper's main one.
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
    companions: tuple[str, ...] = ()

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
        for name in options:
            if name not in known:
                raise UsageError(f"--{name.replace('_', '-')}: {self.summary} has no such part; leave it out")
        return config_class(num_classes, **{**self.variant, **options})

    def check_records(self, records: RecordSet) -> None:
        """Refuses records of another front end than this system's, or cut so that it cannot use them.

        Raises:
            ValueError: another front end made them, segments overlap that must be put together again, or no utterance
                has a text where one is read.
        """
        remedy = f"prepare others with: python -m data_prep CORPUS --frontend {self.frontend} --segments {self.segments} --out FOLDER"
        if records.manifest.frontend != FRONTENDS[self.frontend]:
            raise ValueError(f"{records.folder}: made by another front end than {self.summary} needs; {remedy}")
        if self.whole_utterances and not records.manifest.rule.holds_every_frame_once:
            raise ValueError(
                f"{records.folder}: segments overlap, or leave frames out, and {self.summary} needs each once; {remedy}"
            )
        if "text" in self.companions and not any(row.text for row in records.utterances):
            raise ValueError(
                f"{records.folder}: no utterance has a text, and {self.summary} reads them; {remedy} --transcripts FILE"
            )

    def estimator(self, config, recipe: Recipe):
        """What fits and predicts: fit(train, validation, seed, on_epoch), posteriors(source), attention, save.

        A module that holds an `estimator(config, recipe)` says itself what that is; else it is a `Network` over `build`.

        Raises:
            UsageError: the recipe has options that mean nothing for this system.
        """
        from acrnn.training import Network

        module = importlib.import_module(self.module)
        if hasattr(module, "estimator"):
            return module.estimator(config, recipe)
        return Network(lambda: module.build(config), recipe)


_CHEN = "acrnn.models.chen2018"
_PENG = "acrnn.models.peng2021"


def _peng(summary: str, variant: Mapping[str, object], companions: tuple[str, ...]) -> System:
    return System(
        f"{summary} (Peng et al. 2021)", _PENG, "peng2021", "han2014", recipes.PENG2021, variant, True, companions
    )


MODELS: dict[str, System] = {
    "chen2018-3d": System("3-D ACRNN (Chen et al. 2018)", _CHEN, "chen2018", "chen2018", recipes.CHEN2018),
    "chen2018-2d": System(
        "2-D ACRNN, static log-Mels alone (Chen et al. 2018)",
        _CHEN,
        "chen2018",
        "chen2018",
        recipes.CHEN2018,
        {"channels": 1},
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
    ),
    "han2014-dnn-elm": System(
        "DNN-ELM (Han et al. 2014)",
        "acrnn.models.han2014",
        "han2014",
        "han2014",
        recipes.HAN2014,
        whole_utterances=True,
    ),
    "peng2021-audio": _peng("MSCNN-SPU, speech alone", {"text": False}, ("speaker_embedding",)),
    "peng2021-text": _peng("MSCNN-SPU, text alone", {"audio": False}, ("text",)),
    "peng2021-bimodal": _peng("MSCNN-SPU, speech and text", {}, NAMES),
    "peng2021-bimodal-att": _peng("MSCNN-SPU-ATT, speech that attends to text", {"attention": True}, NAMES),
}
