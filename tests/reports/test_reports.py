"""Reports: figures stand beside published ones only where they may, and attention is drawn where it belongs."""

import numpy as np
import pytest

from acrnn import reports
from acrnn.reports import published

SETTINGS = {
    "corpus": {"name": "emodb", "subset": "all", "complete": True},
    "protocol": "leave-one-speaker-out",
    "model": "chen2018-3d",
    "network": {"conv_layers": 5},
}


def test_a_published_figure_stands_beside_the_same_system_corpus_and_protocol():
    assert published.uar(SETTINGS) == (82.82, 4.99, "Chen et al. 2018, Table I")
    assert published.uar({**SETTINGS, "model": "chen2018-2d"})[:2] == (79.38, 7.78)
    assert published.uar({**SETTINGS, "model": "han2014-dnn-elm", "network": {}})[:2] == (71.56, 8.43)


def test_the_recall_of_lim_stands_beside_the_split_of_the_paper_alone():
    lim = {**SETTINGS, "model": "lim2016-tdcnn", "network": {"filters": [32, 32]}}
    assert published.uar(lim) is None
    found = published.uar({**lim, "protocol": "speaker-dependent-random-10-fold-5-times"})
    assert str(found) == "86.86 (Lim et al. 2016, Tables II to IV)"
    smaller = {**lim, "network": {"filters": [16, 16]}, "protocol": "speaker-dependent-random-10-fold-5-times"}
    assert published.uar(smaller) is None and not published.full_size(smaller)
    assert published.uar({**SETTINGS, "protocol": "speaker-dependent-random-10-fold-5-times"}) is None


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
    assert published.uar({**SETTINGS, **change}) is None


def test_attention_is_one_where_it_is_even_however_short_the_segment():
    parts = [{"features": np.zeros((300, 1)), "num_frames": count} for count in (300, 100)]
    weights = [[1 / 150] * 150, [1 / 50] * 50 + [0] * 100]
    long, short = reports._by_frame(weights, parts)
    np.testing.assert_allclose(long, np.ones(300))
    np.testing.assert_allclose(short, np.ones(100))


def test_overlapping_segments_are_laid_where_they_were_cut():
    whole = reports._laid_out([np.zeros(300), np.ones(300)], [0, 150])
    assert whole.tolist() == [0] * 150 + [1] * 300
    gap = reports._laid_out([np.zeros(300), np.ones(300)], [0, 700])
    assert np.isnan(gap[300:700]).all() and gap[700:].tolist() == [1] * 300


def test_a_depth_stands_beside_the_name_of_a_system_that_has_one():
    assert reports._system(SETTINGS) == "chen2018-3d, 5 conv"
    assert reports._system({"model": "han2014-dnn-elm", "network": {"hidden_layers": 3}}) == "han2014-dnn-elm"


def test_a_smaller_network_and_a_leak_are_told_beside_the_name():
    small = {**SETTINGS, "network": {"conv_layers": 1, "lstm_units": 64}}
    assert reports._system(small) == "chen2018-3d, 1 conv, reduced network"
    assert reports._system({**SETTINGS, "mistake": "random-split"}) == "LEAKS (random-split): chen2018-3d, 5 conv"


def test_undefined_figures_are_dashes():
    assert reports.percent(None) == reports.percent(float("nan")) == "–"
    assert reports.percent(0.64228) == "64.2"
    assert reports.percent_interval(None) == "no interval"
