"""Small DCNN-BLSTMwA networks, and records of the tiny corpus for them."""

from acrnn.models import MODELS
from acrnn.recipes import SecondStage, TwoStageRecipe
from acrnn.recipes.initial_weights import RANDOM
from acrnn.records import RecordSet
from data_prep.__main__ import main as data_prep_main

SMALL = {"image_size": 67, "width": 0.1, "fc_units": 24, "lstm_units": 8, "dense_units": (16, 8)}
RECIPE = TwoStageRecipe(
    learning_rate=3e-3, batch_size=16, epochs=4, pooling="mean", second_stage=SecondStage(1e-2, 8, 5)
)


def prepared(corpus, out, frontend="zhang2021"):
    command = ["manifest", "--data-dir", str(corpus), "--out", str(out), "--jobs", "1", "--frontend", frontend]
    assert data_prep_main([*command, "--segments", "zhang2021"]) == 0
    return RecordSet(out)


def make_network(records, recipe=RECIPE, initial_weights=RANDOM, **options):
    system = MODELS["zhang2021"]
    return system.estimator(system.configure(records.manifest, **{**SMALL, **options}), recipe, initial_weights)
