"""The benchmark: what it compares with has the same arithmetic, and its parts give tables of ratios."""

import math
import time

import keras
import numpy as np
import pytest
from support.long_tests import long_test
from support.tiny_corpus import TINY_NETWORK

from acrnn.batches.sources import Feeder
from acrnn.models import MODELS
from acrnn.models.chen2018.config import Config
from acrnn.recipes import CHEN2018
from acrnn.records import RecordSet
from experiments import (
    benchmark,
    benchmark_training,
    benchmark_work,
    cost_model,
    processor,
    reference_networks,
    step_profile,
)
from experiments.measured import median_seconds

CONFIG = Config(num_classes=4, frames=30, conv_layers=3, first_filters=4, filters=6, linear_units=8, lstm_units=5)


def cells(line):
    return line.strip("| \n").split(" | ")


def test_the_plain_network_has_the_weights_of_the_projects_network():
    plain, own = reference_networks.plain_keras(CONFIG), MODELS["chen2018-3d"].build(CONFIG)
    shapes = [sorted(tuple(w.shape) for w in model.trainable_weights) for model in (plain, own)]
    assert shapes[0] == shapes[1]
    assert plain.output_shape == (None, CONFIG.num_classes)


def test_the_operations_of_a_step_are_those_of_the_layers():
    forward = []  # of the first layer, then of each of the others
    for layer in reference_networks.plain_keras(CONFIG).layers:
        if isinstance(layer, keras.layers.Conv2D):
            forward.append(math.prod(layer.output.shape[1:3]) * math.prod(layer.kernel.shape))
        elif isinstance(layer, keras.layers.Bidirectional):
            lstm = [math.prod(w.shape) for w in layer.trainable_weights if len(w.shape) == 2]
            forward.append(layer.output.shape[1] * sum(lstm))
        elif isinstance(layer, keras.layers.Dense) and layer.units > 1:
            places = layer.output.shape[1] if len(layer.output.shape) == 3 else 1
            forward.append(places * math.prod(layer.kernel.shape))
    expected = 2 * 7 * (2 * forward[0] + 3 * sum(forward[1:]))
    assert reference_networks.step_operations(CONFIG, 7) == pytest.approx(expected)
    assert list(reference_networks.operations_by_part(CONFIG, 7)) == ["conv_1", "conv_3", "linear", "blstm", "logits"]
    assert reference_networks.forward_operations(CONFIG, 7) == pytest.approx(2 * 7 * sum(forward))


def test_a_reference_step_lowers_the_loss():
    generator = np.random.default_rng(0)
    labels = np.arange(8) % 4
    features = generator.standard_normal((8, 30, 40, 3)).astype(np.float32) + labels[:, None, None, None]
    step = reference_networks.keras_step(CONFIG, features, labels)
    losses = [float(step()) for _ in range(60)]
    assert losses[-1] < losses[0]


def test_the_plain_loop_computes_the_features_of_the_front_end():
    waveform = benchmark_work._waveforms(1)[0]
    own, plain = benchmark_work.FRONTENDS["chen2018"].extract(waveform), benchmark_work.plain_features(waveform)
    assert own.shape == plain.shape
    assert np.corrcoef(own[..., 1].ravel(), plain[..., 1].ravel())[0, 1] > 0.99


@long_test
def test_steps_and_loop_are_measured_for_a_network(tiny_records):
    records = RecordSet(tiny_records)
    source = Feeder(records).source([row.id for row in records.utterances])
    case = benchmark_training.Case("tiny", 8, TINY_NETWORK)
    (row,) = benchmark_training.step_rows(source, records.manifest, 1, (case,))
    assert len(row) == len(benchmark_training.STEP_HEADER) and row[:2] == ["tiny", "8"]
    assert all(float(row[place]) > 0 for place in (2, 4, 6, 7)) and 0 <= float(row[3]) < 2
    (row,) = benchmark_training.loop_rows(source, source, records.manifest, (case,))
    assert len(row) == len(benchmark_training.LOOP_HEADER) and all(float(row[place]) > 0 for place in (1, 2, 3))
    assert 0 <= float(row[6].removesuffix(" %")) < 100
    rows = list(step_profile.rows(source, records.manifest, 1, (case,), 0.0))
    assert [row[1].split(",")[0] for row in rows] == [
        "normalization",
        "linear layer",
        "BLSTM",
        "attention",
        "optimizer",
    ]
    shares = [float(row[3].removesuffix(" %")) for row in rows if row[3] != "–"]
    assert sum(shares) == pytest.approx(100, abs=3) or len(shares) < len(rows)


def test_a_part_that_is_lost_in_the_noise_has_no_time():
    assert step_profile._shown(0.5, 2.0, 0.25) == ["0.5", "25 %", "0.50"]
    assert step_profile._shown(-0.1, 2.0, 0.25) == ["–", "–", "–"]
    assert step_profile._shown(0.5, 2.0, 0.0) == ["0.5", "25 %", "–"]


def test_the_page_names_the_processor_and_has_the_parts_that_were_asked_for(tiny_records, tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark_work, "UTTERANCES", (2,))
    monkeypatch.setattr(benchmark_work.preparing_rows, "__defaults__", ((2,),))
    output = tmp_path / "benchmark.md"
    command = ["--records", str(tiny_records), "--parts", "preparing", "--repeats", "1", "--output", str(output)]
    assert benchmark.main(command) == 0
    text = output.read_text()
    assert processor.description() in text and "## Preparation" in text and "## Training" not in text
    (row,) = (cells(line) for line in text.splitlines() if line.startswith("| 2 |"))
    assert float(row[3]) == pytest.approx(float(row[1]) / float(row[2]), rel=0.05)


def test_the_cost_of_table_1_is_that_of_its_segments():
    seconds = {1: 0.01, 3: 0.07, 5: 0.15}
    measured = cost_model.Throughput(seconds, prepared=200, recognized=100, cores=2)
    by_depth = [measured.segment_seconds(depth) for depth in range(1, 8)]
    assert by_depth == pytest.approx([0.01, 0.03, 0.07, 0.11, 0.15, 0.19, 0.23])
    one, five, preparing, recognizing = cost_model.rows(measured)
    segments = (cost_model.SEGMENTS * 0.8 + cost_model.SEGMENTS * 0.1 / 3) * 10 * CHEN2018.epochs
    assert float(one[2]) == pytest.approx(2 * segments * sum(by_depth) / 3600, abs=0.06)
    assert float(five[2].replace(",", "")) == pytest.approx(5 * float(one[2]), abs=0.3) and five[4] == one[4]
    assert (preparing[2], recognizing[2]) == ("1.4", "5.6")
    assert preparing[4] == "144.0"


def test_an_unknown_part_is_refused(tiny_records, capsys):
    assert benchmark.main(["--records", str(tiny_records), "--parts", "nothing"]) == 2
    assert "--parts nothing: it is unknown; choose from steps" in capsys.readouterr().err


def test_the_benchmark_takes_turns_and_leaves_the_first_out():
    calls = []
    seconds = median_seconds([lambda: calls.append("slow"), lambda: calls.append("fast")], 3)
    assert calls == ["slow", "fast"] * 4 and all(0 <= value < 1 for value in seconds)


def test_short_jobs_take_more_turns():
    calls = []
    median_seconds([lambda: calls.append(time.sleep(0.01))], 2, least_seconds=0.1)
    assert 5 < len(calls) <= 11
