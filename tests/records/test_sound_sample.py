"""Checksums of training sounds on a card: all of a small corpus, a sample of a large one; copies are recognized, others are not."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from acrnn import audio
from acrnn.inference import locate
from acrnn.model_card import Card
from acrnn.records.sound_sample import MOST, SoundSample, joined, training_overlap
from data_prep.fingerprint import sound_sha256


def checksums(count, start=0):
    return {f"u{number}": hashlib.sha256(f"{number}".encode()).hexdigest() for number in range(start, start + count)}


def test_every_sound_of_a_small_corpus_is_recognized_and_no_other():
    sample = SoundSample.from_dict(SoundSample.of(checksums(535).values()).to_dict())
    assert sample.count == 535 and len(sample.to_dict()["sha256_prefixes"]) == 5708  # 535 · 8 bytes in base64
    assert sample.found(checksums(600)) == list(checksums(535))
    assert sample.found(checksums(5000, 535)) == []


def test_a_large_corpus_keeps_a_sample_that_recognizes_the_same_share_of_copies():
    count = 4 * MOST
    sample = SoundSample.of(checksums(count).values())
    assert (len(sample.numbers), sample.count) == (MOST, count)
    found = sample.found(checksums(2000))
    assert 400 < len(found) < 600  # a quarter: 500 ± 19


def test_samples_of_several_trainings_are_joined_and_an_unknown_one_makes_them_incomplete():
    first, second = SoundSample.of(checksums(10).values()), SoundSample.of(checksums(10, 10).values())
    both = SoundSample.of(checksums(20).values())
    assert joined([first, second]) == both and "complete" not in both.to_dict()
    incomplete = joined([None, first, second])
    assert incomplete == replace(both, complete=False) == SoundSample.from_dict(incomplete.to_dict())
    assert not joined([incomplete, first]).complete
    assert joined([None, None]) is None and training_overlap(None, checksums(2), {}) == ""
    paths = {name: f"{name}.wav" for name in checksums(20)}
    message = training_overlap(first, checksums(12), paths)
    assert message == "it was trained on 10 of these 12 recordings by their sound, such as u0.wav, u1.wav, u2.wav"


@pytest.mark.parametrize("count", [20, 2 * MOST])
def test_a_sound_of_two_trainings_counts_once(count):
    half, whole = SoundSample.of(checksums(count // 2).values()), SoundSample.of(checksums(count).values())
    for parts in ([half, whole], [whole, half]):
        assert joined(parts).numbers == whole.numbers and joined(parts).count == pytest.approx(count, rel=0.02)


def test_a_card_whose_sounds_are_incomplete_says_so():
    card = Card.read(locate.version_folder("acrnn_emodb"))
    incomplete = Card.from_dict(replace(card, sounds={**card.sounds, "complete": False}).to_dict())
    assert "may be missing" in incomplete.markdown() and "may be missing" not in card.markdown()


@pytest.mark.parametrize("sounds", [{"count": 1, "sha256_prefixes": "%"}, {"count": 1, "sha256_prefixes": "QUJD"}, {}])
def test_damaged_checksums_on_a_card_are_refused(sounds, tmp_path):
    card = replace(Card.read(locate.version_folder("acrnn_emodb")), sounds=None).to_dict()
    with pytest.raises(ValueError, match="sha256_prefixes|sounds"):
        Card.from_dict({**card, "sounds": sounds})


def test_the_included_model_knows_the_535_recordings_that_it_was_trained_on():
    card = Card.read(locate.version_folder("acrnn_emodb"))
    assert len(card.training_sounds.numbers) == card.training_sounds.count == 535
    assert "checksums of 535 of 535 recordings are on the card" in card.markdown()
    if "EMODB_ROOT" in os.environ:
        path = sorted(Path(os.environ["EMODB_ROOT"]).rglob("*.wav"))[7]
        sha256 = {"copy": sound_sha256(audio.load_waveform(path, card.sample_rate_hz))}
        assert card.training_sounds.found(sha256) == ["copy"]
