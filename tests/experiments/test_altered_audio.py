"""Altered recordings: each alteration does what its name says, and networks are tested on their test speakers alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.tiny_corpus import TINY_NETWORK

from acrnn.crossval import Experiment, cross_validate
from acrnn.crossval.results import collect_results
from acrnn.recipes import Recipe
from acrnn.recipes.augmentation import Augmentation
from experiments import alterations, altered_audio

RATE = alterations.SAMPLE_RATE_HZ
TIME = np.arange(2 * RATE) / RATE


def tone(hertz, level=0.1):
    return (level * np.sin(2 * np.pi * hertz * TIME)).astype(np.float32)


def level(waveform):
    return float(np.sqrt(np.mean(waveform**2)))


@pytest.mark.parametrize("decibels", [20, -20, -12])
def test_a_waveform_is_louder_by_decibels(decibels):
    waveform = tone(440)
    assert 20 * np.log10(level(alterations.louder(waveform, decibels)) / level(waveform)) == pytest.approx(
        decibels, abs=0.01
    )


def test_a_file_of_16_bits_is_rounded_and_cut_off_at_full_scale():
    loud = alterations.full_scale(tone(440, level=3.0))
    assert loud.max() == 1 - 2**-15 and loud.min() == -1
    steps = alterations.full_scale(tone(440)) * 2**15
    np.testing.assert_array_equal(steps, np.round(steps))


def test_near_silence_of_one_second_stands_at_each_end():
    waveform = tone(440)
    padded = alterations.padded(waveform)
    np.testing.assert_array_equal(padded[RATE:-RATE], waveform)
    assert len(padded) == len(waveform) + 2 * RATE
    for end in (padded[:RATE], padded[-RATE:]):
        assert 20 * np.log10(level(end) / level(waveform)) == pytest.approx(-60, abs=0.5)
    assert not np.array_equal(padded[:RATE], padded[-RATE:])


def test_a_band_limit_of_4_khz_keeps_a_low_tone_and_removes_a_high_one():
    assert level(alterations.narrow(tone(1000))) == pytest.approx(level(tone(1000)), rel=0.02)
    assert level(alterations.narrow(tone(6000))) < 0.02 * level(tone(6000))


@pytest.mark.parametrize("snr_db", [20, 10])
def test_noise_is_20_or_10_db_below_the_speech(snr_db):
    waveform = tone(440)
    noise = altered_audio.ALTERATIONS[f"white noise at {snr_db} dB"](waveform) - waveform
    assert 20 * np.log10(level(waveform) / level(noise)) == pytest.approx(snr_db, abs=0.5)


@pytest.mark.parametrize(("name", "hertz"), [("10 % faster", 484), ("10 % slower", 396)])
def test_another_speed_changes_length_and_pitch(name, hertz):
    changed = altered_audio.ALTERATIONS[name](tone(440))
    assert len(changed) == pytest.approx(2 * RATE * 440 / hertz, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(changed[:RATE]))) == hertz


@pytest.mark.parametrize("name", ["MP3, 64 kbit/s", "Ogg Opus"])
def test_a_lossy_format_changes_samples_and_keeps_the_length_and_the_tone(name):
    waveform = tone(440)
    decoded = altered_audio.ALTERATIONS[name](waveform)
    assert abs(len(decoded) - len(waveform)) < 0.1 * RATE
    count = min(len(decoded), len(waveform))
    assert not np.array_equal(decoded[:count], waveform[:count])
    peak = np.argmax(np.abs(np.fft.rfft(decoded[:RATE])))
    assert peak == pytest.approx(440, abs=2)


@pytest.fixture(scope="module")
def experiment(tiny_records, tmp_path_factory):
    """The output folder of an experiment on the tiny corpus with saved networks, three of its five folds finished."""
    folder = tmp_path_factory.mktemp("altered") / "run"
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=3)
    declared = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(declared, folder, folds=(0, 1, 2), announce=lambda line: None)
    return folder


def test_unaltered_recordings_have_the_posteriors_of_the_run_and_the_page_all_alterations(
    experiment, tiny_corpus, tmp_path
):
    arguments = ["--run", str(experiment), "--data-dir", str(tiny_corpus), "--output-dir", str(tmp_path)]
    assert altered_audio.main(arguments) == 0
    scores = json.loads((tmp_path / altered_audio.DATA).read_text())["alterations"]
    reported = json.loads((experiment / "results.json").read_text())["overall"]
    assert scores[altered_audio.UNALTERED]["confusion"] == reported["confusion"]
    assert scores["20 dB louder"]["confusion"] == reported["confusion"]  # the front end scales to unit variance
    page = (tmp_path / altered_audio.FILE).read_text(encoding="utf-8")
    assert "3 of 5 folds × 1 seed" in page
    assert (
        "The training has no noise, no cutoff and no other speed. The front end scales a waveform by 'unit-variance'."
        in page
    )
    assert all(page.count(f"\n| {name} |") == 2 for name in altered_audio.ALTERATIONS)


def test_the_page_states_the_simulated_conditions_of_training_and_the_trimmed_ends(experiment):
    results = collect_results(experiment)
    settings = replace(results.settings, frontend_fields={**results.settings.frontend_fields, "trim_db": 30.0})
    for changes, speeds, said in (
        (
            {"noise": 0.5, "narrow": 0.25},
            None,
            "noise at 5 to 35 dB in 50 % of the segments; no frequencies above 3000 to 8000 Hz in 25 % of the segments.",
        ),
        ({"narrow": 0.1}, (0.9, 1.0), "in 10 % of the segments; copies at the speeds 0.9, 1."),
        ({"speed": 0.1}, None, "has random speaking rates from 0.91 to 1.1 times the recorded rate."),
        ({"time_masks": 2}, None, "has no noise, no cutoff and no other speed."),
    ):
        recipe = {**settings.recipe_fields, "augmentation": Augmentation(**changes).to_dict()}
        declared = replace(settings, recipe_fields=recipe, speeds=speeds)
        page = altered_audio.page({altered_audio.UNALTERED: replace(results, settings=declared)})
        assert said in page and "30 dB or more below the loudest." in page


def test_a_corpus_without_the_recordings_of_a_run_is_refused(experiment, tiny_corpus, tmp_path, capsys):
    from support.tiny_corpus import write_tiny_corpus

    fewer = write_tiny_corpus(tmp_path / "fewer", speakers=1)
    assert altered_audio.main(["--run", str(experiment), "--data-dir", str(fewer)]) == 1
    assert "s1_high_0: no recording of this utterance" in capsys.readouterr().err
