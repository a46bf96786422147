"""Reports: published figures stand only beside comparable experiments; titles, captions and cells."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support.results import results_of, run_of, settings_of

from acrnn import figures, files, reports
from acrnn.crossval import read_results
from acrnn.crossval.summary import SpeakerScore
from acrnn.models import MODELS
from acrnn.records import RecordSet
from acrnn.reports import pictures, published
from acrnn.reports.html import recall_by_speaker, write_report
from acrnn.reports.pictures import selection_caption
from acrnn.reports.tables import percent, system_title

LITERAL = Path(__file__).parents[2] / "experiments" / "results" / "emodb_literal_3d_conv1"
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
        {"speaker_statistics": "speaker"},
        {"test_speeds": [0.9, 1.0, 1.1]},
    ],
)
def test_no_published_figure_stands_beside_anything_else(change):
    assert uar(**change) is None


@pytest.mark.parametrize(
    ("model", "network"),
    [
        ("chen2018-3d", {"channels": 1}),
        ("chen2018-3d", {"channels": 2}),
        ("chen2018-3d", {"pool_size": [4, 2]}),
        ("chen2018-3d", {"dense_units": 32}),
        ("chen2018-3d", {"kernel_size": [3, 3]}),
        ("chen2018-2d", {"channels": 1, "dense_units": 32}),
        ("han2014-dnn-elm", {"hidden_layers": 2}),
        ("han2014-dnn-elm", {"elm_units": 60}),
        ("lim2016-cnn", {"pool_sizes": [[2, 2], [2, 2]]}),
        ("lim2016-tdcnn", {"network": "tdcnn", "series_layers": 1}),
        ("zhang2021", {"dense_units": [128, 64]}),
        ("zhang2021-2cnn-lstm", {"pool_size": 3}),
        ("peng2021-text", {"audio": False, "embedding_size": 50, "max_words": 500}),
    ],
)
def test_a_network_with_one_smaller_part_is_not_of_full_size(model, network):
    settings = settings_of(model=model, network=network)
    assert not published.full_size(settings) and "reduced network" in system_title(settings)
    protocols = {"lim2016-cnn": "speaker-dependent-random-10-fold-5-times"}
    assert uar(model=model, network=network, protocol=protocols.get(model, "leave-one-speaker-out")) is None


@pytest.mark.parametrize(
    ("model", "network"),
    [
        ("chen2018-3d", {"conv_layers": 7, "normalization": "band", "centered": True, "frames": 150, "bands": 26}),
        ("chen2018-2d", {"channels": 1, "padding": "zero"}),
        ("zhang2021", {"channels": 1, "context_frames": 16, "shift_frames": 8, "attention": False, "layout": "caffe"}),
        ("peng2021-bimodal", {"embedding_size": 50, "speaker_embedding_size": 512, "swem": False}),
    ],
)
def test_what_a_paper_sweeps_and_what_follows_from_the_records_leave_a_network_of_full_size(model, network):
    assert published.full_size(settings_of(model=model, network=network))


@pytest.mark.parametrize("name", [name for name in MODELS if name != "chen2018-original"])
def test_every_system_of_a_paper_has_figures_for_its_own_defaults(name):
    system, figures = MODELS[name], MODELS[name].published
    network = {**system.variant, "speaker_embedding_size": 512} if name.startswith("peng") else dict(system.variant)
    options = {"start": {"kind": "imagenet"}, "speeds": [0.8, 0.9, 1.0, 1.1, 1.2]} if name.startswith("zhang") else {}
    for corpus, subset, protocol in figures.experiments:
        described = {"name": corpus, "subset": subset, "complete": True}
        assert 40 < uar(corpus=described, protocol=protocol, model=name, network=network, **options).mean < 100


def test_the_weighted_accuracy_of_peng_stands_beside_its_row():
    corpus = {"name": "iemocap", "subset": "all-4-merged", "complete": True}
    network = {"audio": False, "embedding_size": 300}
    peng = settings_of(corpus=corpus, model="peng2021-text", network=network)
    assert (published.wa(peng).mean, published.uar(peng).mean) == (67.8, 67.7)
    recognized = settings_of(corpus=corpus, model="peng2021-text", network=network, companions={"transcripts": {}})
    assert published.wa(recognized) == (62.4, None, "Peng et al. 2021, Table 1")
    assert published.wa(settings_of()) is None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"recipe": {"epoch_choice": "last"}}, "The last epoch is used"),
        ({"recipe": {"epoch_choice": "validation-uar"}}, "best UAR on the validation part is selected"),
        ({"mistake": "test-selected-epoch"}, "selected by the UAR on the test speakers"),
    ],
)
def test_the_caption_of_the_learning_curves_follows_the_checkpoint_selection(fields, text):
    assert text in selection_caption(settings_of(**fields))


def test_the_title_of_a_system_names_its_depth_where_it_has_one():
    assert system_title(settings_of(**FIVE_LAYERS)) == "chen2018-3d, 5 conv"
    trimmed = settings_of(**FIVE_LAYERS, frontend={"kind": "logmel", "trim_db": 30.0})
    assert system_title(trimmed) == "chen2018-3d, 5 conv, trimmed at 30 dB"
    assert system_title(settings_of(model="han2014-dnn-elm", network={"hidden_layers": 3})) == "han2014-dnn-elm"


def test_the_title_of_a_system_names_a_reduced_network_and_a_leak():
    small = settings_of(network={"conv_layers": 1, "lstm_units": 64})
    assert system_title(small) == "chen2018-3d, 1 conv, reduced network"
    leak = settings_of(**FIVE_LAYERS, mistake="random-split")
    assert system_title(leak) == "LEAKS (random-split): chen2018-3d, 5 conv"


def test_the_title_of_a_system_names_what_differs_from_its_recipe():
    recipe = {"network": {"centered": True, "normalization": "band"}}
    same, other = (
        settings_of(recipe=recipe, network={"conv_layers": 1, "centered": value, "normalization": "band"})
        for value in (True, False)
    )
    assert system_title(other) == system_title(same) + ", centered=false"
    by_default = settings_of(recipe=recipe, network={"conv_layers": 1})  # the default is left out of the fields
    assert system_title(by_default).endswith(', normalization="channel", centered=false') or system_title(
        by_default
    ).endswith(', centered=false, normalization="channel"')


def test_undefined_scores_are_dashes():
    assert reports.percent(None) == reports.percent(float("nan")) == "–"
    assert reports.percent(0.64228) == "64.2"
    assert reports.percent_interval(None) == "no interval"


def test_the_report_of_committed_results_holds_scores_runs_and_settings(tmp_path):
    shutil.copy(LITERAL / "results.json", tmp_path)
    text = write_report(tmp_path).read_text()
    results = read_results(LITERAL)
    assert (
        f"<b>{percent(results.overall.uar_pooled)} %</b>" in text
        and "Published UAR for this system and corpus: 81.53" in text
    )
    assert all(run.fold_name in text for run in results.runs)
    assert "learning_rate=0.0001" in text and "best UAR on the validation part is selected" in text
    for name in ("confusion", "speakers", "learning_curves"):
        assert (tmp_path / f"{name}.png").stat().st_size > 5000
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()
    kept = {path.name: path.read_bytes() for path in tmp_path.glob("*.svg")}
    write_report(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.svg")} == kept


def test_the_table_of_speakers_has_the_recall_of_each_emotion(tmp_path):
    # two of "a": one is recognized, and both by the second seed; one of "b": recognized, then not; none of "c"
    labels, first, second = (0, 0, 1), ((1, 0, 0), (0, 1, 0), (0, 1, 0)), ((1, 0, 0), (1, 0, 0), (0, 0, 1))
    runs = [run_of(labels=labels, probabilities=first), replace(run_of(labels=labels, probabilities=second), seed=1)]
    table = recall_by_speaker(results_of(runs, labels=("a", "b", "c")))
    assert table.header == ["speaker", "a", "b", "c", "UAR", "utterances"]
    assert table.rows == [["a", "75", "50", "–", "62.5", 3]]


def test_the_figure_of_speakers_has_a_line_of_chance_and_that_of_the_corpus_its_counts(tiny_records):
    scores = [SpeakerScore("a", 0.5, 10), SpeakerScore("b", 0.7, 10)]
    (axes,) = figures.speakers(scores, 0.6, 0.25).axes
    assert [float(line.get_ydata()[0]) for line in axes.lines] == [60.0, 25.0]
    assert "chance 25.0" in [text.get_text() for text in axes.get_legend().get_texts()]
    records = RecordSet(tiny_records)
    emotions, durations = figures.corpus(records.utterances, records.manifest.labels).axes
    assert [bar.get_height() for bar in emotions.patches] == [10, 10, 10]
    assert sum(bar.get_height() for bar in durations.patches) == 30
    assert pictures.corpus_caption(records.utterances).startswith("30 utterances of 5 speakers, ")


def test_the_report_of_a_single_fold_has_no_deviation(tmp_path):
    files.write_sealed_json(tmp_path / "results.json", results_of([run_of()], recipe={"epochs": 1}).to_dict())
    text = write_report(tmp_path).read_text()
    assert "a single fold, no interval" in text and "± –" not in text
    lines = reports.summary(read_results(tmp_path)).splitlines()
    assert lines[1].endswith("(one fold)") and lines[2].endswith("pooled, no interval")
    assert "±" not in lines[1] + lines[2]
