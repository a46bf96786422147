"""Random enrolments: statistics of the speaker's own training recordings, drawn anew, of one recording up to all."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK
from support.tiny_network import RECIPE as TINY_RECIPE
from support.tiny_network import make_network

from acrnn.batches import random_enrolment
from acrnn.batches.sources import Feeder
from acrnn.batches.speaker_statistics import Choice
from acrnn.crossval import Experiment, Prepared
from acrnn.errors import FieldError
from acrnn.frontends.statistics import average
from acrnn.records import RecordSet
from acrnn.training.steps import Steps

SPEAKER = Choice.parse("speaker")
RECIPE = replace(TINY_RECIPE, random_enrolment=True, epochs=1)


@pytest.fixture
def feeder(tiny_records):
    return Feeder(RecordSet(tiny_records), speaker_statistics=SPEAKER)


def of_speakers(feeder, *speakers):
    return [row.id for row in feeder.records.utterances if row.speaker in speakers]


def offset_of(normalizer, row):
    return normalizer.offsets[normalizer.groups[row]]


def test_an_enrolment_is_a_choice_among_the_training_recordings_of_the_speaker(feeder):
    statistics = feeder.statistics
    rows = [feeder.rows[name] for speaker in ("s0", "s1") for name in of_speakers(feeder, speaker)[:4]]
    prior = average([statistics.statistics[key] for key in dict.fromkeys(statistics.keys[row] for row in rows)])
    drawn = random_enrolment.drawn(statistics, rows, np.random.default_rng(1))
    for row in rows:
        own = [other for other in rows if statistics.keys[other] == statistics.keys[row]]
        choices = [chosen for size in range(1, 5) for chosen in combinations(own, size)]
        possible = [statistics.enrolled(chosen, prior).offset_and_scale()[0] for chosen in choices]
        assert min(abs(offset_of(drawn, row) - offset).max() for offset in possible) < 1e-5


def test_enrolments_differ_between_utterances_and_draws_and_reach_from_one_recording_to_all(feeder, monkeypatch):
    rows = [feeder.rows[name] for name in of_speakers(feeder, "s0")]
    sizes, enrolled = [], feeder.statistics.enrolled
    monkeypatch.setattr(
        feeder.statistics, "enrolled", lambda chosen, prior: sizes.append(len(set(chosen))) or enrolled(chosen, prior)
    )
    generator = np.random.default_rng(0)
    draws = [random_enrolment.drawn(feeder.statistics, rows, generator) for _ in range(30)]
    assert set(sizes) == set(range(1, len(rows) + 1))
    assert np.mean(np.array(sizes) <= len(rows) / 2) > 0.5  # small enrolments are more frequent
    assert len({offset_of(draw, row).tobytes() for draw in draws for row in rows}) > len(rows)


@pytest.mark.parametrize("memory_bytes", [2**30, 0], ids=["memory", "disk"])
def test_every_epoch_trains_with_new_enrolments_and_the_source_itself_stays_as_it_is(tiny_records, memory_bytes):
    feeder = Feeder(RecordSet(tiny_records), memory_bytes, speaker_statistics=SPEAKER)
    train = feeder.source(of_speakers(feeder, "s0", "s1"))
    steps = Steps(make_network(feeder, RECIPE).model, RECIPE, train, 0)
    short = [row for row in train.used_rows if feeder.records.utterances[row].num_segments == 1]

    def features(batches):
        return {
            row: part for batch in batches for row, part in zip(batch.utterances, batch.inputs["features"], strict=True)
        }

    before, epochs = features(train.ordered(8)), []
    for number in (1, 2):
        batches: list = []
        steps.step = lambda batch, batches=batches: batches.append(batch) or 1.0
        steps.epoch(number)
        epochs.append(features(batches))
    assert all(abs(epochs[0][row] - epochs[1][row]).max() > 1e-4 for row in short)
    after = features(train.ordered(8))
    assert all(np.array_equal(after[row], before[row]) for row in short)


def test_random_enrolments_without_statistics_of_the_speaker_are_refused(tiny_records):
    for choice in ("corpus", "utterance"):
        experiment = Experiment(
            tiny_records, "chen2018-3d", RECIPE, options=TINY_NETWORK, speaker_statistics=Choice.parse(choice)
        )
        with pytest.raises(FieldError, match=f"random_enrolment True: .*{choice} statistics; choose"):
            Prepared.of(experiment)
    plain = Feeder(RecordSet(tiny_records))
    steps = Steps(make_network(plain, RECIPE).model, RECIPE, plain.source(of_speakers(plain, "s0")), 0)
    with pytest.raises(FieldError, match="random_enrolment"):
        steps.epoch(1)
    accepted = replace(experiment, speaker_statistics=SPEAKER)
    assert Prepared.of(accepted).settings()["recipe"]["random_enrolment"] is True
