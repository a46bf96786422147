"""Reports: figures stand beside published ones only where they may, and attention is drawn where it belongs."""

import numpy as np
import pytest
from support.results import settings_of

from acrnn import reports
from acrnn.reports import attention, published
from acrnn.reports.tables import system_title

FIVE_LAYERS = {"network": {"conv_layers": 5}}


def uar(**fields):
    return published.uar(settings_of(**{**FIVE_LAYERS, **fields}))


def test_a_published_figure_stands_beside_the_same_system_corpus_and_protocol():
    assert uar() == (82.82, 4.99, "Chen et al. 2018, Table I")
    assert uar(model="chen2018-2d", network={"channels": 1})[:2] == (79.38, 7.78)
    assert uar(model="han2014-dnn-elm", network={})[:2] == (71.56, 8.43)


def test_the_recall_of_lim_stands_beside_the_split_of_the_paper_alone():
    protocol = "speaker-dependent-random-10-fold-5-times"
    lim = {"model": "lim2016-tdcnn", "network": {"network": "tdcnn", "filters": [32, 32]}}
    assert uar(**lim) is None
    assert str(uar(**lim, protocol=protocol)) == "86.86 (Lim et al. 2016, Tables II to IV)"
    smaller = {**lim, "network": {"network": "tdcnn", "filters": [16, 16]}, "protocol": protocol}
    assert uar(**smaller) is None and not published.full_size(settings_of(**smaller))
    assert uar(protocol=protocol) is None


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "speaker-dependent-random-10-fold"},
        {"model": "chen2018-original"},
        {"corpus": {"name": "emodb", "subset": "all", "complete": False}},
        {"corpus": {"name": "iemocap", "subset": "all-4-merged", "complete": True}},
        {"corpus": {"name": "toy", "subset": "all", "complete": True}},
        {"corpus": {"name": "manifest", "subset": None, "complete": True}},
        {"network": {"conv_layers": 5, "first_filters": 32}},
        {"mistake": "random-split"},
    ],
)
def test_no_published_figure_stands_beside_anything_else(change):
    assert uar(**change) is None


def test_attention_is_one_where_it_is_even_however_short_the_segment():
    weights = [[1 / 150] * 150, [1 / 50] * 50 + [0] * 100]
    long, short = attention.weights_by_frame(weights, (300, 100), 300)
    np.testing.assert_allclose(long, np.ones(300))
    np.testing.assert_allclose(short, np.ones(100))


def test_overlapping_segments_are_laid_where_they_were_cut():
    whole = attention.laid_out([np.zeros(300), np.ones(300)], [0, 150])
    assert whole.tolist() == [0] * 150 + [1] * 300
    gap = attention.laid_out([np.zeros(300), np.ones(300)], [0, 700])
    assert np.isnan(gap[300:700]).all() and gap[700:].tolist() == [1] * 300


def test_the_title_of_a_system_names_its_depth_where_it_has_one():
    assert system_title(settings_of(**FIVE_LAYERS)) == "chen2018-3d, 5 conv"
    assert system_title(settings_of(model="han2014-dnn-elm", network={"hidden_layers": 3})) == "han2014-dnn-elm"


def test_the_title_of_a_system_names_a_reduced_network_and_a_leak():
    small = settings_of(network={"conv_layers": 1, "lstm_units": 64})
    assert system_title(small) == "chen2018-3d, 1 conv, reduced network"
    leak = settings_of(**FIVE_LAYERS, mistake="random-split")
    assert system_title(leak) == "LEAKS (random-split): chen2018-3d, 5 conv"


def test_undefined_figures_are_dashes():
    assert reports.percent(None) == reports.percent(float("nan")) == "–"
    assert reports.percent(0.64228) == "64.2"
    assert reports.percent_interval(None) == "no interval"
