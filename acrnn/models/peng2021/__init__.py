"""MSCNN-SPU(-ATT) of Peng et al. (2021), on speech, text or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acrnn import recipes
from acrnn.models.peng2021.config import Config
from acrnn.models.peng2021.published import PUBLISHED
from acrnn.models.system import Lazy, System
from acrnn.records.auxiliary_inputs import NAMES

if TYPE_CHECKING:
    from acrnn.recipes import Recipe
    from acrnn.recipes.initial_weights import InitialWeights
    from acrnn.training.utterance_network import UtteranceNetwork

_BUILD = Lazy("acrnn.models.peng2021.network", "build")


def make_estimator(config: Config, recipe: Recipe, initial_weights: InitialWeights) -> UtteranceNetwork:
    """Returns the untrained estimator, which takes whole utterances and always starts from random weights."""
    from acrnn.training.utterance_network import UtteranceNetwork

    return UtteranceNetwork(lambda: _BUILD(config), recipe, config.min_count)


SYSTEMS = {
    f"peng2021-{name}": System(
        summary=f"{title} (Peng et al. 2021)",
        config=Config,
        build=_BUILD,
        make_estimator=make_estimator,
        frontend="peng2021",
        segments="han2014",
        recipe=recipes.PENG2021,
        variant=variant,
        whole_utterances=True,
        auxiliary_inputs=auxiliary_inputs,
        published=PUBLISHED,
    )
    for name, title, variant, auxiliary_inputs in (
        ("audio", "MSCNN-SPU, speech alone", {"text": False}, ("speaker_embedding",)),
        ("text", "MSCNN-SPU, text alone", {"audio": False}, ("text",)),
        ("bimodal", "MSCNN-SPU, speech and text", {}, NAMES),
        ("bimodal-att", "MSCNN-SPU-ATT, speech that attends to text", {"attention": True}, NAMES),
    )
}
