"""DCNN-BLSTM with attention of Zhang et al. (2021), and the paper's baseline 2-CNN-LSTM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrnn import recipes
from acrnn.models.system import Lazy, System
from acrnn.models.zhang2021.config import BaselineConfig, Config
from acrnn.models.zhang2021.published import PUBLISHED, PUBLISHED_BASELINE

if TYPE_CHECKING:
    from acrnn.models.zhang2021.training import TwoStage
    from acrnn.recipes import Recipe
    from acrnn.recipes.initial_weights import InitialWeights

# A fortieth of the computation: pictures of 99×99, a third of AlexNet's filters.
_REDUCED = {"image_size": 99, "width": 0.334, "fc_units": 512}


def make_estimator(config: Config, recipe: Recipe, initial_weights: InitialWeights) -> TwoStage:
    """Returns the untrained estimator, which is trained in two stages."""
    from acrnn.models.zhang2021.training import TwoStage

    return TwoStage(config, recipe, initial_weights)


SYSTEMS = {
    "zhang2021": System(
        summary="DCNN-BLSTM with attention (Zhang et al. 2021)",
        config=Config,
        build=Lazy("acrnn.models.zhang2021.network", "build"),
        make_estimator=make_estimator,
        frontend="zhang2021",
        segments="zhang2021",
        recipe=recipes.ZHANG2021,
        pretrained=True,
        reduced=_REDUCED,
        published=PUBLISHED,
    ),
    "zhang2021-no-attention": System(
        summary="DCNN-BLSTM, the mean over time in place of attention (Zhang et al. 2021)",
        config=Config,
        build=Lazy("acrnn.models.zhang2021.network", "build"),
        make_estimator=make_estimator,
        frontend="zhang2021",
        segments="zhang2021",
        recipe=recipes.ZHANG2021,
        variant={"attention": False},
        pretrained=True,
        reduced=_REDUCED,
        published=PUBLISHED,
    ),
    "zhang2021-2cnn-lstm": System(
        summary="2-CNN-LSTM, the baseline of Zhang et al. (2021)",
        config=BaselineConfig,
        build=Lazy("acrnn.models.zhang2021.baseline", "build"),
        frontend="zhang2021",
        segments="zhang2021",
        recipe=recipes.ZHANG2021_BASELINE,
        published=PUBLISHED_BASELINE,
    ),
}
