"""ACRNN of Chen et al. (2018): 3-D, 2-D, and as in the authors' published code."""

from acrnn import recipes
from acrnn.models.chen2018.config import Config
from acrnn.models.chen2018.published import PUBLISHED_2D, PUBLISHED_3D, PUBLISHED_ORIGINAL
from acrnn.models.system import Lazy, System

# A fifth of the computation of the paper's network: fewer filters and units, time pooled by four.
_REDUCED = {"first_filters": 32, "filters": 64, "linear_units": 192, "lstm_units": 64, "pool_size": (4, 2)}
# Six layers are the default of the authors' code, and the depth with its best UAR on IEMOCAP (Table I).
_ORIGINAL = {
    "conv_layers": 6,
    "pool_size": (2, 4),
    "negative_slope": 0.01,
    "linear_batch_norm": True,
    "attention_hidden": 1,
    "dense_batch_norm": False,
    "normalization": "band",
    "initial_deviation": 0.1,
}


SYSTEMS = {
    "chen2018-3d": System(
        summary="3-D ACRNN (Chen et al. 2018)",
        config=Config,
        build=Lazy("acrnn.models.chen2018.network", "build"),
        frontend="chen2018",
        segments="chen2018",
        recipe=recipes.CHEN2018,
        reduced=_REDUCED,
        published=PUBLISHED_3D,
    ),
    "chen2018-2d": System(
        summary="2-D ACRNN, static log-Mels alone (Chen et al. 2018)",
        config=Config,
        build=Lazy("acrnn.models.chen2018.network", "build"),
        frontend="chen2018",
        segments="chen2018",
        recipe=recipes.CHEN2018,
        variant={"channels": 1},
        reduced=_REDUCED,
        published=PUBLISHED_2D,
    ),
    "chen2018-original": System(
        summary="3-D ACRNN as in the authors' code, without its defects",
        config=Config,
        build=Lazy("acrnn.models.chen2018.network", "build"),
        frontend="chen2018-original",
        segments="chen2018-original",
        recipe=recipes.CHEN2018_ORIGINAL,
        variant=_ORIGINAL,
        reduced=_REDUCED,
        published=PUBLISHED_ORIGINAL,
    ),
}
