"""The voice of a visitor on the demo page: enrolled from the sounds there, used for later answers, and dropped on request."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from support.exports import sharp, sounds
from support.tiny_corpus import tiny_sound

from acrnn.export import version_folder
from acrnn.frontends import FRONTENDS
from acrnn.frontends.statistics import Moments, Prior, Statistics
from acrnn.inference import Recognizer
from acrnn.inference.demo import answers, page


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    moments = Moments()
    moments.add(FRONTENDS["chen2018"].extract(sounds()[5]))
    out = tmp_path_factory.mktemp("voice") / "voice" / "1"
    version_folder.export(sharp("chen2018-3d", prior=Prior(Statistics.of_moments(moments), 100.0)), out, ("onnx",))
    return Recognizer.load(out, threads=1, check_speech=False)


@pytest.fixture
def paths(tmp_path):
    for name, seconds, seed in (("high", 0.8, 1), ("low", 3.5, 2)):
        soundfile.write(tmp_path / f"{name}.wav", tiny_sound(name, seconds, seed), 16000)
    return [str(tmp_path / "high.wav"), str(tmp_path / "low.wav")]


def test_the_voice_of_the_sounds_on_the_page_changes_later_answers(recognizer, paths):
    profile, text = answers.enrol(recognizer, paths, None, None)
    assert text.startswith("Your voice is known from 2 recordings (4 s).")
    before, after = (answers.recognize(recognizer, paths, None, speaker) for speaker in (None, profile))
    shares = [re.findall(r"\d+\.\d", re.sub(r"data:image[^\"]*", "", shown)) for shown in (before, after)]
    assert shares[0] != shares[1]
    assert answers.enrol(recognizer, None, paths[0], profile)[1].startswith(
        "Your voice is known from 1 recording (1 s)."
    )


def test_a_sound_that_cannot_be_used_leaves_the_voice_as_it_was_and_is_named_without_its_path(
    recognizer, paths, tmp_path
):
    profile, _ = answers.enrol(recognizer, paths, None, None)
    bad = tmp_path / "<b>silent.wav"
    soundfile.write(bad, np.zeros(16000), 16000)
    kept, text = answers.enrol(recognizer, [*paths, str(bad)], None, profile)
    assert kept is profile and text.startswith("Not used: &lt;b&gt;silent.wav") and str(tmp_path) not in text
    assert answers.enrol(recognizer, None, None, profile)[0] is profile
    assert "No recording yet" in answers.enrol(recognizer, [], None, None)[1]


def test_only_the_page_of_a_model_that_takes_speaker_profiles_offers_it(recognizer):
    card = replace(recognizer.card, speaker_prior=None, speaker_dense=None)
    plain = Recognizer(card, recognizer._run, recognizer.runtime, recognizer.folder)
    labels = [
        [
            block.value
            for block in page.page(each, Path("example.wav")).blocks.values()
            if type(block).__name__ == "Button"
        ]
        for each in (recognizer, plain)
    ]
    assert {"Use these recordings as my voice", "Forget my voice"} <= set(labels[0])
    assert not any("voice" in label for label in labels[1])
