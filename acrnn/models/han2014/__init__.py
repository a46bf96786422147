"""DNN-ELM of Han, Yu and Tashev (2014), the baseline of Chen et al. (2018) and Zhang et al. (2021)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrnn import recipes
from acrnn.models.han2014.config import Config
from acrnn.models.han2014.published import PUBLISHED
from acrnn.models.system import Lazy, System
from acrnn.recipes.recipe import FLOAT32

if TYPE_CHECKING:
    from acrnn.models.han2014.training import DnnElm
    from acrnn.recipes import Recipe
    from acrnn.recipes.initial_weights import InitialWeights


def make_estimator(config: Config, recipe: Recipe, initial_weights: InitialWeights) -> DnnElm:
    """Returns the untrained estimator; DNN-ELM always starts from random weights."""
    from acrnn.models.han2014.training import DnnElm

    return DnnElm(config, recipe)


SYSTEMS = {
    "han2014-dnn-elm": System(
        summary="DNN-ELM (Han et al. 2014)",
        config=Config,
        build=Lazy("acrnn.models.han2014.network", "build"),
        make_estimator=make_estimator,
        frontend="han2014",
        segments="han2014",
        recipe=recipes.HAN2014,
        whole_utterances=True,
        published=PUBLISHED,
        precisions=(FLOAT32,),
    )
}
