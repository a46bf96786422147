"""The toy corpus and its synthesizer: the sound has the requested properties, and the emotions can be learned."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from python_speech_features import delta, logfbank
from scipy.io import wavfile
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from acrnn.toy_speech import speech
from acrnn.toy_speech.synthesis import (
    SAMPLE_RATE_HZ,
    SILENCE,
    VOWELS_HZ,
    Recording,
    Sound,
    Voice,
    glottal_flow,
    record,
    synthesize,
)
from data_prep.corpora import toy
from data_prep.corpora.base import ReadOptions, Utterance, read_corpus

STEADY = Voice(jitter=0.0, shimmer=0.0, breathiness=0.0)


@pytest.fixture(scope="module")
def utterances(toy_corpus_dir: Path) -> tuple[Utterance, ...]:
    """The utterances of the whole toy corpus."""
    return read_corpus(toy.CORPUS, toy_corpus_dir).utterances


@pytest.fixture(scope="module")
def waveforms(utterances: tuple[Utterance, ...]) -> dict[str, np.ndarray]:
    """The waveforms of the toy corpus by id, float64 [samples] within ±1."""
    return {utterance.id: wavfile.read(utterance.path)[1] / 32768 for utterance in utterances}


def digests(folder: Path) -> dict[str, str]:
    """Returns the SHA-256 of each file in a folder by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def vowel(letter: str, pitch_hz: float, voice: Voice, seconds: float = 0.6) -> np.ndarray:
    """Returns the waveform of a steady vowel."""
    sound = Sound(seconds, VOWELS_HZ[letter], pitch_hz, voicing=1.0)
    return synthesize([sound], voice, np.random.default_rng(0))


def pitch_of(waveform: np.ndarray) -> float:
    """Returns the pitch from 60 to 600 Hz: the first autocorrelation peak near the highest one; nan if unvoiced."""
    correlation = np.fft.irfft(np.abs(np.fft.rfft(waveform - waveform.mean(), 2 * len(waveform))) ** 2)
    correlation = correlation[: len(waveform)] / np.arange(len(waveform), 0, -1)
    first, last = SAMPLE_RATE_HZ // 600, SAMPLE_RATE_HZ // 60
    peaks = [n for n in range(first, last) if correlation[n - 1] < correlation[n] >= correlation[n + 1]]
    highest = max((correlation[n] for n in peaks), default=0.0)
    if highest < 0.6 * correlation[0]:
        return float("nan")
    return SAMPLE_RATE_HZ / next(n for n in peaks if correlation[n] > 0.9 * highest)


def pitch_and_tilt(waveform: np.ndarray) -> tuple[float, float]:
    """Returns the median pitch in Hz, and the median of the level below 1000 Hz minus that at 2000 to 4000 Hz in dB.

    Only loud voiced frames count.
    """
    frames = np.lib.stride_tricks.sliding_window_view(waveform, 640)[::320]
    loud = frames[frames.std(axis=1) > 0.3 * frames.std(axis=1).max()]
    measured = [
        (pitch_of(frame), band_db(frame, 50, 1000) - band_db(frame, 2000, 4000)) for frame in loud * np.hanning(640)
    ]
    pitch_hz, tilt_db = np.array([pair for pair in measured if np.isfinite(pair[0])]).T
    return float(np.median(pitch_hz)), float(np.median(tilt_db))


def band_db(waveform: np.ndarray, low_hz: float, high_hz: float) -> float:
    """Returns the level of a waveform between two frequencies."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    frequency_hz = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE_HZ)
    return float(10 * np.log10(power[(frequency_hz >= low_hz) & (frequency_hz < high_hz)].sum()))


def envelope_peaks_hz(waveform: np.ndarray, order: int = 16) -> np.ndarray:
    """Returns the formants by linear prediction: the frequencies of narrow poles, ascending."""
    emphasized = np.diff(waveform) * np.hanning(len(waveform) - 1)
    correlation = np.correlate(emphasized, emphasized, "full")[len(emphasized) - 1 :][: order + 1]
    lags = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    poles = np.roots([1.0, *-np.linalg.solve(correlation[lags], correlation[1:])])
    narrow = poles[(poles.imag > 0) & (np.abs(poles) > 0.9)]
    return np.sort(np.angle(narrow)) * SAMPLE_RATE_HZ / (2 * np.pi)


@pytest.mark.parametrize("pitch_hz", [90.0, 150.0, 240.0])
@pytest.mark.parametrize("letter", ["a", "i"])
def test_a_steady_vowel_has_the_requested_pitch(letter: str, pitch_hz: float):
    assert pitch_of(vowel(letter, pitch_hz, STEADY)) == pytest.approx(pitch_hz, rel=0.02)


@pytest.mark.parametrize("letter", ["a", "e", "i"])
def test_a_vowel_has_the_requested_formants(letter: str):
    measured = envelope_peaks_hz(vowel(letter, 100.0, STEADY))[:3]
    np.testing.assert_allclose(measured, VOWELS_HZ[letter], rtol=0.12)


def test_a_longer_vocal_tract_lowers_the_formants_by_its_length():
    short, long = (envelope_peaks_hz(vowel("e", 100.0, Voice(formant_scale=s)))[:3] for s in (1.18, 0.85))
    np.testing.assert_allclose(long / short, 0.85 / 1.18, rtol=0.1)


def test_tilt_is_the_attenuation_at_3000_hz():
    soft, loud = (vowel("e", 100.0, Voice(tilt_db=t, breathiness=0.0)) for t in (16.0, 4.0))
    near = [band_db(w, 2800, 3200) - band_db(w, 50, 250) for w in (soft, loud)]
    assert near[1] - near[0] == pytest.approx(12.0, abs=1.5)


def test_jitter_is_the_standard_deviation_of_a_cycles_length():
    pitch_hz = np.full(SAMPLE_RATE_HZ * 4, 100.0)
    flow = glottal_flow(pitch_hz, Voice(jitter=0.03, shimmer=0.0), np.random.default_rng(0))
    lengths = np.diff(np.flatnonzero((flow[:-1] <= 0) & (flow[1:] > 0)))
    assert lengths.std() / lengths.mean() == pytest.approx(0.03, rel=0.2)


def test_formants_glide_without_clicks():
    sounds = [Sound(0.2, VOWELS_HZ[letter], 100.0, voicing=1.0) for letter in "iaui"]
    gliding = synthesize(sounds, Voice(tilt_db=20.0, breathiness=0.0), np.random.default_rng(0))
    still = vowel("i", 100.0, Voice(tilt_db=20.0, breathiness=0.0), seconds=0.8)
    assert band_db(gliding, 5000, 8000) < band_db(still, 5000, 8000) + 3


def test_pauses_are_silent_and_the_recording_has_the_requested_levels():
    voiced, pause = Sound(0.5, VOWELS_HZ["a"], voicing=1.0), Sound(1.0, SILENCE.formants_hz)
    spoken = synthesize([voiced, pause], STEADY, np.random.default_rng(0))
    setup = Recording(room_seconds=0.1, level_db=-30.0, noise_db=-60.0)
    recorded = record(spoken, setup, np.random.default_rng(1), np.random.default_rng(2))
    assert 20 * np.log10(recorded.std()) == pytest.approx(-30.0, abs=0.5)
    assert 20 * np.log10(recorded[-4000:].std()) == pytest.approx(-60.0, abs=0.5)


def test_generating_again_or_with_another_number_of_speakers_gives_the_same_bytes(
    toy_corpus_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(toy, "SPEAKER_COUNT", 2)
    whole, part = digests(toy_corpus_dir), digests(toy.generate(tmp_path, speaker_count=2))
    part.pop("toy.json")
    assert len(part) == 32
    assert part.items() <= whole.items()


def test_another_process_makes_the_same_waveform():
    program = (
        "import hashlib; from acrnn.toy_speech import speech; "
        "print(hashlib.sha256(speech.utterance_waveform(3, 'anger', 2).tobytes()).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=Path(__file__).parents[3], capture_output=True, check=True
    )
    here = hashlib.sha256(speech.utterance_waveform(3, "anger", 2).tobytes()).hexdigest()
    assert done.stdout.decode().strip() == here


def test_speaker_emotion_and_sentence_each_draw_their_own_variation(monkeypatch: pytest.MonkeyPatch):
    speaker = speech.draw_speaker(1)
    monkeypatch.setattr(speech, "draw_speaker", lambda number: speaker)
    monkeypatch.setattr(speech, "EMOTIONS", dict.fromkeys(speech.LABELS, speech.EMOTIONS["neutral"]))
    monkeypatch.setattr(speech, "SENTENCES", speech.SENTENCES[:1] * 4)
    monkeypatch.setattr(speech, "record", lambda waveform, *_: waveform)
    keys = [(1, "anger", 1), (2, "anger", 1), (1, "neutral", 1), (1, "anger", 2)]
    assert len({speech.utterance_waveform(*key).tobytes() for key in keys}) == 4


def test_whole_files_are_kept_and_those_of_other_settings_are_made_anew(tmp_path: Path):
    before = digests(toy.generate(tmp_path, speaker_count=1))
    marked, missing = tmp_path / "toy01_anger_1.wav", tmp_path / "toy01_anger_2.wav"
    marked.write_bytes(b"kept")
    missing.unlink()
    toy.generate(tmp_path, speaker_count=1)
    assert marked.read_bytes() == b"kept"
    assert missing.exists()

    (tmp_path / "toy02_anger_1.wav").write_bytes(b"from an earlier, larger corpus")
    (tmp_path / "toy.json").write_text("{}")
    (tmp_path / "toy_mine.wav").write_bytes(b"not ours to delete")
    after = digests(toy.generate(tmp_path, speaker_count=1))
    assert after.pop("toy_mine.wav")
    assert after == before


def test_an_interrupted_write_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def interrupted(self: Path, content: bytes) -> None:
        self.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        toy.generate(tmp_path, speaker_count=1)
    assert list(tmp_path.iterdir()) == []


def test_the_corpus_is_complete_and_balanced(toy_corpus_dir: Path):
    selection = read_corpus(toy.CORPUS, toy_corpus_dir)
    cells = {(u.speaker, u.emotion, u.text) for u in selection.utterances}
    assert selection.labels == ("anger", "happiness", "neutral", "sadness")
    assert len(selection.utterances) == len(cells) == 160
    assert len({u.speaker for u in selection.utterances}) == 10


def test_an_incomplete_corpus_is_refused(tmp_path: Path):
    toy.generate(tmp_path, speaker_count=1)
    with pytest.raises(ValueError, match="anger 4 instead of 40"):
        read_corpus(toy.CORPUS, tmp_path)


@pytest.mark.parametrize("name", ["03a01Fa.wav", "toy03_boredom_2.wav", "toy03_anger_9.wav", "toy03_anger.wav"])
def test_a_foreign_file_name_is_refused(tmp_path: Path, name: str):
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=f"{name}: not a toy file name"):
        toy.find_utterances(tmp_path, ReadOptions())


def test_files_are_16_khz_mono_16_bit_of_ordinary_length_and_level(utterances: tuple[Utterance, ...]):
    seconds = []
    for utterance in utterances:
        rate_hz, samples = wavfile.read(utterance.path)
        assert (rate_hz, samples.ndim, samples.dtype) == (16000, 1, np.int16)
        assert np.abs(samples.astype(int)).max() < 32400, f"{utterance.id} clips"
        assert 20 * np.log10(samples.std() / 32768) > -50, f"{utterance.id} is nearly silent"
        seconds.append(len(samples) / rate_hz)
    assert min(seconds) > 0.9
    assert max(seconds) < 4.0
    assert 5 <= sum(length > 3.0 for length in seconds) <= 20, "some, not many, need a second segment of 3 s"


def test_speakers_spread_over_the_range_of_tracts_and_pitches():
    speakers = [speech.draw_speaker(number) for number in range(1, 11)]
    scales = [speaker.voice.formant_scale for speaker in speakers]
    pitches_hz = [speaker.base_pitch_hz for speaker in speakers]
    assert 0.85 <= min(scales) < 0.92
    assert 1.11 < max(scales) <= 1.18
    assert 90 <= min(pitches_hz) < 120
    assert 190 < max(pitches_hz) <= 240


@pytest.mark.parametrize("number", range(1, 11))
def test_every_speaker_is_higher_and_less_tilted_in_anger_than_in_sadness(
    number: int, waveforms: dict[str, np.ndarray]
):
    angry, sad = (
        np.mean([pitch_and_tilt(waveforms[f"toy{number:02d}_{emotion}_{n}"]) for n in (1, 2, 3, 4)], axis=0)
        for emotion in ("anger", "sadness")
    )
    assert angry[0] > 1.1 * sad[0]
    assert angry[1] < sad[1] - 1


def summary(waveform: np.ndarray) -> np.ndarray:
    """Returns mean and standard deviation over frames of 40 log-Mel bands and their deltas at unit variance."""
    log_mel = logfbank((waveform - waveform.mean()) / waveform.std(), SAMPLE_RATE_HZ, nfilt=40, nfft=512)
    return np.concatenate([part for x in (log_mel, delta(log_mel, 2)) for part in (x.mean(axis=0), x.std(axis=0))])


def test_emotions_can_be_learned_across_speakers_but_not_perfectly_and_not_from_shuffled_labels(
    utterances: tuple[Utterance, ...], waveforms: dict[str, np.ndarray]
):
    features = np.stack([summary(waveforms[utterance.id]) for utterance in utterances])
    labels = np.array([utterance.emotion for utterance in utterances])
    speakers = [utterance.speaker for utterance in utterances]
    shuffled = [np.random.default_rng(seed).permutation(labels) for seed in range(3)]

    def uar(features: np.ndarray, labels: np.ndarray) -> float:
        classifier = make_pipeline(StandardScaler(), SVC(C=3.0))
        guessed = cross_val_predict(classifier, features, labels, groups=speakers, cv=LeaveOneGroupOut())
        return recall_score(labels, guessed, average="macro")

    assert 0.7 < uar(features, labels) < 0.92
    assert uar(features.mean(axis=1, keepdims=True), labels) < 0.6
    assert np.mean([uar(features, chance) for chance in shuffled]) < 0.35
