"""Transcripts: texts of a file, or of a speech recognizer, in the place of those of the corpus."""

import json
import re
import sys
import types

import numpy as np
import pytest
import soundfile
from support.auxiliary_files import prepare
from support.tiny_corpus import tiny_sound

from acrnn.records import RecordSet
from data_prep.transcripts.engines import ENGINES


@pytest.fixture
def two_recordings(tmp_path):
    """Two parts of a/01.wav, and b/01.flac."""
    for name in ("a/01.wav", "b/01.flac"):
        (tmp_path / name).parent.mkdir()
        soundfile.write(tmp_path / name, tiny_sound("low", 1.0, 0), 16000)
    rows = ["x,a/01.wav,low,s,0,0.5,one two", "y,a/01.wav,low,s,0.5,1,three four", "b/01,b/01.flac,high,t,,,five six"]
    (tmp_path / "manifest.csv").write_text("\n".join(["id,path,label,speaker,start,end,text", *rows]))
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "name", "fits"),
    [
        ({"01.wav": "one"}, "01.wav", r"2 utterances \(x, y …\)"),
        ({"x": "one", "01": "two"}, "01", r"3 utterances \(b/01, x, y …\)"),
    ],
)
def test_a_text_that_fits_several_utterances_is_refused(two_recordings, texts, name, fits, capsys):
    (two_recordings / "asr.json").write_text(json.dumps(texts))
    out = two_recordings / "records"
    assert prepare(two_recordings, out, "--transcripts", str(two_recordings / "asr.json")) == 1
    errors = capsys.readouterr().err
    assert re.search(
        rf"asr\.json: '{name}' names the recordings of {fits}; give each a text of its own by its id", errors
    )


def test_texts_by_id_and_by_a_recording_of_one_utterance_are_taken(two_recordings):
    (two_recordings / "asr.json").write_text(json.dumps({"y": "three", "01.flac": "five six"}))
    assert prepare(two_recordings, two_recordings / "records", "--transcripts", str(two_recordings / "asr.json")) == 0
    record_set = RecordSet(two_recordings / "records")
    assert dict(zip((row.id for row in record_set.utterances), record_set.auxiliary_inputs.texts, strict=True)) == {
        "x": "",
        "y": "three",
        "b/01": "five six",
    }
    entry = record_set.manifest.auxiliary_inputs["transcripts"]
    assert (entry["missing"], entry["empty"], entry["compared"], entry["word_error_rate"]) == (1, 0, 2, 0.25)


def test_pocketsphinx_works_offline_and_its_texts_are_cached(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pocketsphinx", reason="the extra [pocketsphinx] is not installed")
    corpus, out = tmp_path / "corpus", tmp_path / "records"
    corpus.mkdir()
    for emotion in ("high", "noisy"):  # pocketsphinx takes seven times the duration for noise
        soundfile.write(corpus / f"{emotion}.wav", tiny_sound(emotion, 0.3, 0), 16000)
    (corpus / "manifest.csv").write_text("path,label,speaker,text\nhigh.wav,high,s,Hello\nnoisy.wav,noisy,s,Oh no\n")
    assert prepare(corpus, out, "--asr", "pocketsphinx") == 0
    entry = RecordSet(out).manifest.auxiliary_inputs["transcripts"]
    assert entry["origin"].startswith("pocketsphinx 5") and entry["compared"] == 2
    assert len((out / "asr.jsonl").read_text().splitlines()) == 2
    assert f"word error rate {100 * entry['word_error_rate']:.1f} %" in capsys.readouterr().out
    monkeypatch.setattr("acrnn.audio.load_waveform", lambda *arguments: pytest.fail("it was recognized again"))
    assert prepare(corpus, out, "--asr", "pocketsphinx") == 0


def test_whisper_uses_a_local_model_and_every_utterance_is_transcribed_alone(tmp_path, monkeypatch):
    """A stand-in for the package, which is not installed, notes the arguments."""
    arguments = {}

    class WhisperModel:
        def __init__(self, path, **options):
            arguments.update(path=path, **options)

        def transcribe(self, waveform, **options):
            arguments.update(options, dtype=waveform.dtype)
            return iter([types.SimpleNamespace(text=" Hello"), types.SimpleNamespace(text=" there. ")]), None

    monkeypatch.setitem(sys.modules, "faster_whisper", types.SimpleNamespace(WhisperModel=WhisperModel))
    monkeypatch.setattr("data_prep.transcripts.engines.metadata.version", lambda name: "1.2")
    with pytest.raises(ValueError, match="asr_model None: name the folder of a converted Whisper model"):
        ENGINES["faster-whisper"](None, "en")
    (tmp_path / "model.bin").write_bytes(b"weights")
    engine = ENGINES["faster-whisper"](tmp_path, "de")
    assert engine.transcribe(np.zeros(16000)) == "Hello there."
    assert arguments["local_files_only"] and arguments["path"] == str(tmp_path)
    assert (
        arguments["language"] == "de"
        and not arguments["condition_on_previous_text"]
        and arguments["dtype"] == np.float32
    )
    assert engine.description.startswith("faster-whisper 1.2") and engine.description.endswith(", de")
    assert ENGINES["faster-whisper"](tmp_path, "de").description == engine.description
    (tmp_path / "model.bin").write_bytes(b"WEIGHTS")  # fine-tuned: other values of the same size
    assert ENGINES["faster-whisper"](tmp_path, "de").description != engine.description
