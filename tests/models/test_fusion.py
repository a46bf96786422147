"""Sound and words put together, from the toy corpus that needs both to the scores of unheard speakers."""

from dataclasses import replace

import pytest

from acrnn.crossval import Experiment, cross_validate
from acrnn.recipes import PENG2021
from data_prep.__main__ import main as data_prep_main
from data_prep.corpora import toy_bimodal

RECIPE = replace(PENG2021, epochs=12, batch_size=20, learning_rate=3e-3)
NETWORK = {"filters": 16, "dense_units": 16, "audio_kernels": (5,), "dropout": 0.1}
WORDS = {"text_kernels": (2,), "embedding_size": 16, "max_words": 40}


@pytest.fixture(scope="module")
def bimodal_records(tmp_path_factory):
    """Records of the whole bimodal toy corpus."""
    folder = tmp_path_factory.mktemp("fusion")
    corpus = toy_bimodal.generate(folder / "corpus")
    command = ["toy-bimodal", "--data-dir", str(corpus), "--out", str(folder / "records"), "--jobs", "1"]
    assert data_prep_main([*command, "--frontend", "peng2021", "--segments", "han2014"]) == 0
    return folder / "records"


def test_sound_and_words_of_the_bimodal_toy_are_each_limited_and_together_clearly_better(bimodal_records, tmp_path):
    """Who hears alone can have 58 % at most and who reads alone 46 %, but for luck; both together have 63 to 92 % in
    fifteen runs of five folds and three seeds, 17 points or more above the better one alone in each of them.
    """
    found = {}
    for name in ("audio", "text", "bimodal"):
        experiment = Experiment(bimodal_records, f"peng2021-{name}", RECIPE, "grouped-5-fold", {**NETWORK, **WORDS})
        experiment = replace(experiment, save_models=False)
        results = cross_validate(experiment, tmp_path / name, folds=[0, 1], announce=lambda line: None)
        found[name] = results.overall.uar_pooled
    assert 0.3 < found["audio"] < 0.65 and 0.3 < found["text"] < 0.65
    assert found["bimodal"] > max(found["audio"], found["text"]) + 0.15
