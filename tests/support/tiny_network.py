"""The smallest network for the tiny corpus, with a recipe of four epochs."""

from support.tiny_corpus import TINY_NETWORK

from acrnn.models import MODELS
from acrnn.recipes import Recipe

RECIPE = Recipe(learning_rate=1e-2, batch_size=8, epochs=4)


def make_network(feeder, recipe=RECIPE, **options):
    system = MODELS["chen2018-3d"]
    config = system.configure(feeder.records.manifest, **{**TINY_NETWORK, **options})
    return system.estimator(config, recipe)
