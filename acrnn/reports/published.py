"""The published figure to compare an experiment with, if there is one."""

from __future__ import annotations

import json

from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval.settings import Settings
from acrnn.models.published import Figure

# Fields of a `Config` that follow from the records.
_FROM_RECORDS = (
    "num_classes",
    "frames",
    "bands",
    "record_channels",
    "padding",
    "embedding_size",
    "speaker_embedding_size",
)


def uar(settings: Settings) -> Figure | None:
    """The UAR that the paper reports for these settings; None where it reports none, as for a classical baseline."""
    return settings.system.published.uar(settings) if is_comparable(settings) else None


def wa(settings: Settings) -> Figure | None:
    """The weighted accuracy that the paper reports for these settings; None where it reports none."""
    return settings.system.published.wa(settings) if is_comparable(settings) else None


def is_comparable(settings: Settings) -> bool:
    """True for an experiment of the paper: same corpus, subset and protocol, all recordings, network of full size, no leak.

    The systems normalize by the training part; statistics of the test speakers are another experiment.
    """
    if settings.fusion or settings.baseline:
        return False
    corpus, figures = settings.corpus, settings.system.published
    return (
        figures is not None
        and (corpus.name, corpus.subset, settings.protocol) in figures.experiments
        and corpus.complete
        and settings.mistake is None
        and settings.normalized_by == Choice()
        and settings.test_speeds is None
        and not settings.train_on_validation
        and settings.joint is None
        and (settings.initial_weights_kind not in ("corpus", "model") or settings.system.pretrained)
        and full_size(settings)
    )


def full_size(settings: Settings) -> bool:
    """True for the paper's network.

    Every field of its `Config` has the paper's value, except the fields that follow from the records and `Published.free`.
    A classical baseline has one size only.
    """
    if settings.baseline:
        return True
    system = settings.system
    free = system.published.free if system.published else ()
    paper = system.config(settings.config.num_classes, **system.variant)
    names = set(vars(paper)) - {*_FROM_RECORDS, *free}
    return all(_as_json(getattr(settings.config, name)) == _as_json(getattr(paper, name)) for name in names)


def _as_json(value):
    return json.loads(json.dumps(value))  # lists, as in the settings
