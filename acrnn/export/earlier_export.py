"""The network of an exported model, to export it again: in other formats, or with the graph of this version."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from acrnn.crossval.settings import CorpusInfo, Settings
from acrnn.export.trained_model import TrainedModel
from acrnn.model_card import FORMATS, WORDS, Card, checksums
from acrnn.text.vocabulary import Vocabulary
from acrnn.transfer.saved_weights import saved_variables

if TYPE_CHECKING:
    import keras

SAVED_MODEL = "saved-model"


def read(folder: Path) -> tuple[TrainedModel, Card]:
    """Returns the network and the card of the model in a version folder; the weights are those of its SavedModel.

    Args:
        folder: version folder of a model.

    Raises:
        FileNotFoundError: the folder holds no card, or no SavedModel.
        ValueError: a file is damaged, or the weights do not fit the network on the card.
    """
    card = Card.read(folder)
    if not (folder / FORMATS[SAVED_MODEL].file).is_file():
        raise FileNotFoundError(
            f"{folder}: has no SavedModel, whose weights are exported again; export the run instead"
        )
    checksums.check(folder, card.sha256, FORMATS[SAVED_MODEL], [WORDS.as_posix()])
    settings = _settings(card)
    model, *others = (settings.system.build(settings.config) for _ in range(card.num_networks))
    trained = TrainedModel(model, settings, dict(card.fitted_on), card.prior, others=tuple(others))
    _set_weights(trained, folder)
    if "text" in card.auxiliary_inputs:
        for network in trained.networks:
            _set_vocabulary(network, folder / WORDS)
    return trained, card


def _settings(card: Card) -> Settings:
    """Returns the settings that an export depends on; the others are empty."""
    known = {name: value for name, value in card.corpus.items() if name in CorpusInfo.__dataclass_fields__}
    return Settings(
        corpus=CorpusInfo(**known),
        records_sha256="",
        labels=card.labels,
        frontend_fields=card.frontend.to_dict(),
        segment_fields=asdict(card.rule),
        model=card.system,
        network_fields=card.network,
        recipe_fields=card.recipe,
        protocol="",
        split_sha256="",
    )


def _set_weights(trained: TrainedModel, folder: Path) -> None:
    from acrnn.export.graph import RecognitionGraph

    variables = RecognitionGraph(trained).networks.variables
    values = saved_variables(folder, range(len(variables)))
    if [np.shape(value) for value in values] != [tuple(variable.shape) for variable in variables]:
        raise ValueError(f"{folder}: its weights do not fit the network on its card; export the run again")
    for value, variable in zip(values, variables, strict=True):
        variable.assign(value)


def _set_vocabulary(model: keras.Model, path: Path) -> None:
    from acrnn.text.embedding import embedding_of

    if not path.is_file():
        raise ValueError(f"{path}: missing, and the model takes texts; export the run again")
    embedding = embedding_of(model)
    assert embedding is not None  # a network that takes texts has one
    embedding.vocabulary = Vocabulary(tuple(path.read_text(encoding="utf-8").splitlines()))
