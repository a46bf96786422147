"""What accompanies the sound: real files of Kaldi, GloVe, recognisers and ONNX, from the command line into the records."""

import json
import pickle
import re
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from support.tiny_corpus import tiny_sound, write_tiny_corpus

from acrnn import vector_tables
from acrnn.cli import main as acrnn_main
from acrnn.crossval import Experiment, cross_validate
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.recipes import PENG2021
from acrnn.records import RecordSet
from data_prep import word_vectors
from data_prep.__main__ import main
from data_prep.answer_cache import computed
from data_prep.corpora import toy_bimodal
from data_prep.corpora.base import Utterance
from data_prep.transcripts.engines import ENGINES
from experiments import peng2021_tables, run_cv

SMALL = {"filters": 4, "dense_units": 8, "audio_kernels": (3,), "text_kernels": (2,)}
FEATURES = ["--frontend", "peng2021", "--segments", "han2014", "--jobs", "1"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Three speakers, three emotions, two utterances each, whose texts are known."""
    return write_tiny_corpus(tmp_path_factory.mktemp("companions") / "corpus", speakers=3)


def ids():
    return [f"s{s}_{emotion}_{take}" for s in range(3) for emotion in ("high", "low", "noisy") for take in range(2)]


def embeddings(size=5):
    return {name: np.random.default_rng(n).normal(size=size).astype(np.float32) for n, name in enumerate(ids())}


def prepare(corpus, out, *options):
    return main(["manifest", "--data-dir", str(corpus), "--out", str(out), *FEATURES, *options])


def write_kaldi(folder, table):
    kaldiio = pytest.importorskip("kaldiio", reason="the extra [kaldi] is not installed")
    with kaldiio.WriteHelper(f"ark,scp:{folder / 'x.ark'},{folder / 'x.scp'}") as write:
        for name, vector in table.items():
            write(name, vector)


def write_speaker_model(path, size=5):
    """An ONNX model: the mean of the absolute samples times 1 … size."""
    onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        helper.make_node("Abs", ["waveform"], ["loud"]),
        helper.make_node("ReduceMean", ["loud", "axis"], ["mean"], keepdims=1),
        helper.make_node("Mul", ["mean", "factors"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "speaker",
        [helper.make_tensor_value_info("waveform", kind, [1, "samples"])],
        [helper.make_tensor_value_info("embedding", kind, [1, size])],
        [
            helper.make_tensor("axis", onnx.TensorProto.INT64, [1], [1]),
            helper.make_tensor("factors", kind, [1, size], np.arange(1.0, size + 1)),
        ],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


GLOVE = "the 0.1 0.2 0.3\nsay -1 2e-1 3.5\n. . . 9 9 9\nn't 7 8 9\nhigh 1 1 1\nsay 5 5 5\n"


def test_records_without_companions_say_nothing_of_them(corpus, tmp_path):
    assert prepare(corpus, tmp_path / "plain") == 0
    assert "companions" not in json.loads((tmp_path / "plain" / "manifest.json").read_text())


def test_kaldi_glove_and_a_transcript_file_go_into_the_records_with_their_origin(corpus, tmp_path, capsys):
    write_kaldi(tmp_path, embeddings())
    (tmp_path / "glove.txt").write_text(GLOVE)
    heard = "\n".join(
        f"{name} A 0.{n} 0.1 {word}" for name in ids()[1:] for n, word in enumerate(["i", "do", "say", "high"])
    )
    (tmp_path / "asr.ctm").write_text(heard)
    out = tmp_path / "records"
    options = ["--transcripts", "asr.ctm", "--speaker-embeddings", "x.scp", "--word-vectors", "glove.txt"]
    options = [part if part.startswith("--") else str(tmp_path / part) for part in options]
    assert prepare(corpus, out, *options) == 0
    told = capsys.readouterr().out
    assert "word vectors: glove.txt has 2 of 4 words" in told
    assert "0 of 18 are empty, 1 have none and do not count in the rate" in told
    there = RecordSet(out)
    beside = there.manifest.auxiliary_inputs
    # six words against "i do say high": n't and 0 are missing, and other emotions changed; the first is not in the file
    assert beside["transcripts"]["word_error_rate"] == pytest.approx((5 * 2 + 12 * 3) / (17 * 6), abs=1e-4)
    assert beside["transcripts"]["origin"].startswith("asr.ctm")
    assert [beside["transcripts"][name] for name in ("compared", "empty", "missing")] == [17, 0, 1]
    assert there.manifest.speaker_embedding_size == 5
    found = there.auxiliary_inputs
    assert found.texts[1] == "i do say high" and found.texts[0] == ""
    np.testing.assert_array_equal(found.speaker_embeddings[3], embeddings()[there.utterances[3].id])
    assert set(found.word_vectors) == {"say", "high"} and found.word_vectors["say"].tolist() == [
        -1,
        np.float32(0.2),
        3.5,
    ]
    assert prepare(corpus, out, *options) == 0  # finished: nothing to do
    assert prepare(corpus, out) == 1
    assert "holds finished records of other recordings or settings" in capsys.readouterr().err


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
    told = capsys.readouterr().err
    assert re.search(
        rf"asr\.json: '{name}' names the recordings of {fits}; give each a text of its own by its id", told
    )


def test_texts_by_id_and_by_a_recording_of_one_utterance_are_taken(two_recordings):
    (two_recordings / "asr.json").write_text(json.dumps({"y": "three", "01.flac": "five six"}))
    assert prepare(two_recordings, two_recordings / "records", "--transcripts", str(two_recordings / "asr.json")) == 0
    there = RecordSet(two_recordings / "records")
    assert dict(zip((row.id for row in there.utterances), there.auxiliary_inputs.texts, strict=True)) == {
        "x": "",
        "y": "three",
        "b/01": "five six",
    }
    entry = there.manifest.auxiliary_inputs["transcripts"]
    assert (entry["missing"], entry["empty"], entry["compared"], entry["word_error_rate"]) == (1, 0, 2, 0.25)


def test_copies_at_other_speeds_have_the_text_and_the_embedding_of_their_utterance(corpus, tmp_path):
    np.savez(tmp_path / "x.npz", **embeddings())
    out = tmp_path / "records"
    assert prepare(corpus, out, "--speaker-embeddings", str(tmp_path / "x.npz"), "--speeds", "0.9,1.0") == 0
    there = RecordSet(out)
    copies = {row.copy_of: place for place, row in enumerate(there.utterances) if row.copy_of}
    assert sorted(copies) == sorted(ids())
    places = {row.id: place for place, row in enumerate(there.utterances)}
    for name, copy in copies.items():
        assert there.auxiliary_inputs.texts[copy] == there.auxiliary_inputs.texts[places[name]] != ""
        for place in (copy, places[name]):
            np.testing.assert_array_equal(there.auxiliary_inputs.speaker_embeddings[place], embeddings()[name])
    experiment = Experiment(out, "peng2021-bimodal", replace(PENG2021, epochs=1, batch_size=8), options=SMALL)
    found = cross_validate(
        replace(experiment, save_models=False), tmp_path / "out", folds=[0], announce=lambda line: None
    )
    assert found.settings.network_fields["speaker_embedding_size"] == 5 and len(found.runs) == 1


def test_a_damaged_companion_is_found_before_it_is_used(corpus, tmp_path):
    np.savez(tmp_path / "x.npz", **embeddings())
    assert prepare(corpus, tmp_path / "records", "--speaker-embeddings", str(tmp_path / "x.npz")) == 0
    there = RecordSet(tmp_path / "records")
    path = there.folder / "speaker_embeddings.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(
        ValueError, match=r"speaker_embeddings\.npz: missing or changed since the records were made; delete"
    ):
        there.companions  # noqa: B018


@pytest.mark.parametrize("kind", ["x.ark", "x.scp", "names.npz", "each.npz"])
def test_a_table_of_vectors_of_every_kind_is_read(kind, tmp_path, monkeypatch):
    table = embeddings()
    if kind.startswith("x"):
        write_kaldi(tmp_path, table)
        moved = tmp_path / "elsewhere"  # the .scp then names a file that is not there, but beside it is one
        (tmp_path / "x.scp").write_text((tmp_path / "x.scp").read_text().replace(f"{tmp_path}/", ""))
        moved.mkdir()
        monkeypatch.chdir(moved)
    else:
        content = vector_tables.to_npz(table)
        (tmp_path / "names.npz").write_bytes(content)
        assert content == vector_tables.to_npz(dict(reversed(table.items())))
        np.savez(tmp_path / "each.npz", **{name: vector[None] for name, vector in table.items()})
    found = vector_tables.read(tmp_path / kind)
    assert found.keys() == table.keys()
    for name, vector in table.items():
        np.testing.assert_array_equal(found[name], vector)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.bin", b"", "not a table of vectors by its name"),
        ("x.npz", b"no zip", "not a table of vectors that can be read"),
        ("x.scp", b"u1 cat secret.ark |\n", r"x\.scp: not a table .*line 1: 'u1 cat secret\.ark \|' names no archive"),
        ("x.ark", b"u1 \x00BXX", "not a table of vectors that can be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_named_and_no_program_in_it_is_run(name, content, message, tmp_path):
    pytest.importorskip("kaldiio", reason="the extra [kaldi] is not installed")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        vector_tables.read(tmp_path / name)


def test_an_archive_that_was_cut_off_is_named_wherever_it_ends(tmp_path):
    write_kaldi(tmp_path, dict(list(embeddings().items())[:2]))
    content = (tmp_path / "x.ark").read_bytes()
    for length in range(len(content)):
        if length != len(content) // 2:  # where the first of two vectors ends
            (tmp_path / "x.ark").write_bytes(content[:length])
            with pytest.raises(ValueError, match=r"x\.ark: .*; make it again"):
                vector_tables.read(tmp_path / "x.ark")


class Touch:
    """A file is made when this is loaded from a pickle."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return self.path.touch, ()


@pytest.mark.parametrize("marker", [b"PKL", b"NPY\x01\x80", b"AUDIO\x01\x80", b"RIFF", b"fLaC", b" PKL"])
@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_an_archive_with_something_else_than_vectors_is_refused_before_it_is_loaded(kind, marker, tmp_path):
    write_kaldi(tmp_path, embeddings())
    with (tmp_path / "x.ark").open("ab") as file:
        offset = file.write(b"bad ") + file.tell() - 4
        file.write(marker + pickle.dumps(Touch(tmp_path / "was_run")))
    with (tmp_path / "x.scp").open("a") as file:
        file.write(f"bad {tmp_path / 'x.ark'}:{offset}\n")
    with pytest.raises(
        ValueError, match=rf"x\.{kind}: not a table of vectors .* which is no vector of Kaldi's; write it"
    ):
        vector_tables.read(tmp_path / f"x.{kind}")
    assert not (tmp_path / "was_run").exists()


@pytest.mark.parametrize("kind", ["ark", "scp"])
def test_a_text_archive_and_one_of_compressed_rows_are_read(kind, tmp_path):
    kaldiio = pytest.importorskip("kaldiio", reason="the extra [kaldi] is not installed")
    rows = {name: vector[None] for name, vector in embeddings().items()}
    for options in ({"text": True}, *({"compression_method": method} for method in (2, 3, 5))):
        kaldiio.save_ark(str(tmp_path / "x.ark"), rows, str(tmp_path / "x.scp"), **options)
        found = vector_tables.read(tmp_path / f"x.{kind}")
        assert found.keys() == rows.keys()
        for name, row in rows.items():
            np.testing.assert_allclose(found[name], row[0], atol=0.02)


def test_vectors_that_differ_in_size_or_are_not_finite_are_refused(tmp_path):
    for wrong, message in ((np.zeros(3), "'b' has 3 values"), (np.full(2, np.nan), "'b' has values that are NaN")):
        np.savez(tmp_path / "x.npz", a=np.zeros(2), b=wrong)
        with pytest.raises(ValueError, match=message):
            vector_tables.read(tmp_path / "x.npz")


def test_an_utterance_without_an_embedding_is_told(corpus, tmp_path, capsys):
    np.savez(tmp_path / "x.npz", **dict(list(embeddings().items())[2:]))
    assert prepare(corpus, tmp_path / "records", "--speaker-embeddings", str(tmp_path / "x.npz")) == 1
    assert "no embedding of 2 of 18 utterances (s0_high_0, s0_high_1 …)" in capsys.readouterr().err


def test_a_speaker_model_in_onnx_computes_embeddings_once_an_utterance(corpus, tmp_path, monkeypatch):
    write_speaker_model(tmp_path / "speaker.onnx")
    options = ["--speaker-model", str(tmp_path / "speaker.onnx")]
    assert prepare(corpus, tmp_path / "records", *options) == 0
    there = RecordSet(tmp_path / "records")
    from acrnn.audio import load_waveform

    waveform = load_waveform(corpus / there.utterances[4].path, 16000)
    expected = np.abs(waveform).mean() * np.arange(1, 6)
    np.testing.assert_allclose(there.auxiliary_inputs.speaker_embeddings[4], expected, rtol=1e-4)
    monkeypatch.setattr("acrnn.audio.load_waveform", lambda *given: pytest.fail("it was computed again"))
    assert prepare(corpus, tmp_path / "records", *options) == 0


def write_onnx(path, name, shape, operator="Abs", *constants):
    """An ONNX model of one operation on an input and constants."""
    onnx = pytest.importorskip("onnx", reason="the extra [onnx] is not installed")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    added = [helper.make_tensor(f"c{n}", kind, part.shape, part.ravel()) for n, part in enumerate(constants)]
    nodes = [helper.make_node(operator, [name, *(part.name for part in added)], ["out"])]
    values = [helper.make_tensor_value_info(one, kind, shape) for one in (name, "out")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], added)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (("fbank", [1, "frames", 80]), r"m\.onnx: takes fbank tensor\(float\)"),
        (("sound", [1, 16000]), r"m\.onnx: takes waveforms of 16000 samples only, .* export it with a dynamic second"),
        (
            ("sound", [1, "samples"], "Add", np.zeros((1, 7))),
            r"m\.onnx: fails on a recording of 9600 samples \(0\.60 s\): .*; it must take recordings of any length",
        ),
    ],
    ids=["features", "one length", "another length"],
)
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_model_that_does_not_take_waveforms_of_any_length_is_refused(model, message, jobs, corpus, tmp_path, capsys):
    write_onnx(tmp_path / "m.onnx", *model)
    assert prepare(corpus, tmp_path / "records", "--speaker-model", str(tmp_path / "m.onnx"), "--jobs", jobs) == 1
    told = capsys.readouterr().err
    assert re.search(message, told) and "Traceback" not in told


def test_word_vectors_are_those_of_the_file_and_only_the_wanted_ones(tmp_path):
    (tmp_path / "glove.txt").write_text(GLOVE)
    found = word_vectors.read(tmp_path / "glove.txt", {"say", ".", "n't", "unseen"})
    assert {word: vector.tolist() for word, vector in found.items()} == {
        "say": [-1, np.float32(0.2), 3.5],
        "n't": [7, 8, 9],
    }
    (tmp_path / "w2v.txt").write_text("2 3\n" + GLOVE)
    assert word_vectors.read(tmp_path / "w2v.txt", {"high"})["high"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("hello\n", r"line 1: b'hello\\n' is not a word and its values"),
        ("the 1 2\nsay 1 x\n", "line 2: could not convert"),
        ("der 1 2\n", r"has none of the 1 words; give vectors of the texts' language"),
    ],
)
def test_a_file_that_holds_no_word_vectors_is_named_with_the_line(content, message, tmp_path):
    (tmp_path / "glove.txt").write_text(content)
    with pytest.raises(ValueError, match=message):
        word_vectors.read(tmp_path / "glove.txt", {"say"})


def test_vectors_of_the_same_file_and_words_are_not_read_again(corpus, tmp_path, monkeypatch):
    (tmp_path / "glove.txt").write_text(GLOVE)
    options = ["--word-vectors", str(tmp_path / "glove.txt")]
    assert prepare(corpus, tmp_path / "records", *options) == 0
    monkeypatch.setattr(word_vectors, "read", lambda *given: pytest.fail("it was read again"))
    assert prepare(corpus, tmp_path / "records", *options) == 0


def test_pocketsphinx_hears_offline_and_what_it_heard_is_kept(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pocketsphinx", reason="the extra [pocketsphinx] is not installed")
    corpus, out = tmp_path / "corpus", tmp_path / "records"
    corpus.mkdir()
    for emotion in ("high", "noisy"):  # noise takes it seven times as long as it lasts
        soundfile.write(corpus / f"{emotion}.wav", tiny_sound(emotion, 0.3, 0), 16000)
    (corpus / "manifest.csv").write_text("path,label,speaker,text\nhigh.wav,high,s,Hello\nnoisy.wav,noisy,s,Oh no\n")
    assert prepare(corpus, out, "--asr", "pocketsphinx") == 0
    entry = RecordSet(out).manifest.auxiliary_inputs["transcripts"]
    assert entry["origin"].startswith("pocketsphinx 5") and entry["compared"] == 2
    assert len((out / "asr.jsonl").read_text().splitlines()) == 2
    assert f"word error rate {100 * entry['word_error_rate']:.1f} %" in capsys.readouterr().out
    monkeypatch.setattr("data_prep.answer_cache._answer", lambda utterance: pytest.fail("it was heard again"))
    assert prepare(corpus, out, "--asr", "pocketsphinx") == 0


def heard_of(corpus, kept, answer="said\u2028näh"):
    """Answers of a program that says the same of everything, and what it was asked for."""
    asked = []
    files = [corpus / f"s0_{emotion}_0.wav" for emotion in ("high", "low")]
    utterances = [Utterance(path.stem, path, "s0", "s0", "high") for path in [*files, corpus / "gone.wav"]]

    def make():
        return lambda waveform: asked.append(len(waveform)) or answer

    return computed(utterances, "program 1", make, kept, 16000), len(asked)


def test_answers_are_kept_whatever_a_killed_call_left_of_a_line(corpus, tmp_path):
    kept = tmp_path / "asr.jsonl"
    expected = {"s0_high_0": "said\u2028näh", "s0_low_0": "said\u2028näh", "gone": ""}  # one is not there any more
    assert heard_of(corpus, kept) == (expected, 2)
    assert heard_of(corpus, kept, "anew") == (expected, 0)
    first, second, end = kept.read_bytes().split(b"\n")
    assert end == b"" and first != second
    inside_a_letter = second.index("ä".encode()) + 1
    for length in (20, inside_a_letter, len(second)):
        kept.write_bytes(first + b"\n" + second[:length])
        told = {**expected, **({"s0_low_0": "anew"} if length < len(second) else {})}
        assert heard_of(corpus, kept, "anew") == (told, int(length < len(second)))
        assert heard_of(corpus, kept, "again") == (told, 0)


def test_whisper_is_asked_with_a_local_model_and_each_utterance_for_itself(tmp_path, monkeypatch):
    """Its package is not here; what is asked of it is."""
    asked = {}

    class WhisperModel:
        def __init__(self, path, **options):
            asked.update(path=path, **options)

        def transcribe(self, waveform, **options):
            asked.update(options, dtype=waveform.dtype)
            return iter([types.SimpleNamespace(text=" Hello"), types.SimpleNamespace(text=" there. ")]), None

    monkeypatch.setitem(sys.modules, "faster_whisper", types.SimpleNamespace(WhisperModel=WhisperModel))
    monkeypatch.setattr("data_prep.transcripts.engines.metadata.version", lambda name: "1.2")
    with pytest.raises(ValueError, match="--asr-model None: name the folder of a converted Whisper model"):
        ENGINES["faster-whisper"](None, "en")
    (tmp_path / "model.bin").write_bytes(b"weights")
    engine = ENGINES["faster-whisper"](tmp_path, "de")
    assert engine.transcribe(np.zeros(16000)) == "Hello there."
    assert asked["local_files_only"] and asked["path"] == str(tmp_path)
    assert asked["language"] == "de" and not asked["condition_on_previous_text"] and asked["dtype"] == np.float32
    assert engine.description.startswith("faster-whisper 1.2") and engine.description.endswith(", de")
    assert ENGINES["faster-whisper"](tmp_path, "de").description == engine.description
    (tmp_path / "model.bin").write_bytes(b"WEIGHTS")  # fine-tuned: other values of the same size
    assert ENGINES["faster-whisper"](tmp_path, "de").description != engine.description


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--asr-model", "x"], "--asr-model x: it goes with --asr only"),
        (["--asr", "faster-whisper", "--asr-model", "nowhere"], "--asr-model nowhere: name the folder"),
        (["--asr", "pocketsphinx", "--asr-language", "de"], "--asr-language de: pocketsphinx brings English alone"),
        (["--asr", "pocketsphinx", "--asr-model", "."], r"--asr-model .: \d of"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(options, message, corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert prepare(corpus, tmp_path / "records", *options) == 2
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("module", "options", "extra"),
    [
        ("pocketsphinx", ["--asr", "pocketsphinx"], "pocketsphinx"),
        ("kaldiio", ["--speaker-embeddings", "x.ark"], "kaldi"),
        ("onnxruntime", ["--speaker-model", "x.ark"], "onnx-runtime"),
    ],
)
def test_an_extra_that_is_not_installed_is_named(module, options, extra, corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.ark").touch()
    monkeypatch.setitem(sys.modules, module, None)
    assert prepare(corpus, tmp_path / "records", *options) == 1
    assert f'pip install "acrnn[{extra}]"' in capsys.readouterr().err


def test_the_whole_way_with_text_and_speakers_to_a_prediction(corpus, tmp_path, capsys):
    """Records, one fold of the whole system, export, and the command line that is told what was said and by whom."""
    np.savez(tmp_path / "x.npz", **embeddings())
    (tmp_path / "glove.txt").write_text(GLOVE)
    shared = ["--dataset", "manifest", "--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out")]
    beside = ["--speaker-embeddings", str(tmp_path / "x.npz"), "--word-vectors", str(tmp_path / "glove.txt")]
    quick = ["--epochs", "1", "--batch-size", "8", "--folds", "0", "--audio-kernels", "3", "--text-kernels", "2"]
    command = [*shared, "--data-dir", str(corpus), "--model", "peng2021-bimodal-att", *beside, *quick]
    assert run_cv.main(command) == 0
    settings = json.loads((tmp_path / "out" / "results.json").read_text())["settings"]
    assert settings["network"]["speaker_embedding_size"] == 5 and settings["network"]["embedding_size"] == 3
    assert settings["companions"]["word_vectors"]["origin"] == "glove.txt"
    trained = TrainedModel.of_run(tmp_path / "out", 0)
    assert trained.auxiliary_inputs == ("text", "speaker_embedding")
    version_folder.export(trained, tmp_path / "model" / "1", ("onnx",))
    assert (tmp_path / "model" / "1" / "assets.extra" / "words.txt").read_text().splitlines()[0] in ("do", "i")
    capsys.readouterr()
    sound, model = str(corpus / "s0_high_0.wav"), ["--model", str(tmp_path / "model")]
    said = ["predict", sound, *model, "--json", "--text", "I don't say high 0"]
    assert acrnn_main([*said, "--speaker-embeddings", str(tmp_path / "x.npz")]) == 0
    answer = json.loads(capsys.readouterr().out)
    from acrnn.audio import load_waveform

    known = [{"text": "I don't say high 0", "speaker_embedding": embeddings()["s0_high_0"]}]
    expected = trained.posteriors([load_waveform(sound, 16000)], known)[0]
    np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-4)
    assert acrnn_main(said) == 1
    assert "the model takes speaker embedding too; pass speaker_embedding=" in capsys.readouterr().err
    assert acrnn_main(["predict", sound, sound, *model, "--text", "x"]) == 2
    assert "--text: one text for 2 files; use --transcripts FILE" in capsys.readouterr().err
    assert acrnn_main(["predict", sound, "--text", "x"]) == 1
    assert "text is given, and the model does not take it; leave it out" in capsys.readouterr().err


def without_texts(folder, speakers):
    corpus = write_tiny_corpus(folder, speakers)
    table = corpus / "manifest.csv"
    table.write_text("\n".join(line.partition(",")[2] for line in table.read_text().splitlines()))
    return corpus


def test_records_without_texts_are_refused_by_a_system_that_reads(tmp_path, capsys):
    corpus = without_texts(tmp_path / "corpus", speakers=1)
    assert prepare(corpus, tmp_path / "records") == 0
    shared = ["--dataset", "manifest", "--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out")]
    assert run_cv.main([*shared, "--model", "peng2021-text"]) == 1
    assert "no utterance has a text, and MSCNN-SPU, text alone" in capsys.readouterr().err


def test_the_tables_stand_in_one_file_with_what_they_rest_on(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(peng2021_tables, "ABLATION", {"spu-no-swem": peng2021_tables.ABLATION["spu-no-swem"]})
    monkeypatch.setattr(peng2021_tables, "TRUTH", {"text": peng2021_tables.TRUTH["text"]})
    monkeypatch.setattr(peng2021_tables, "RECOGNIZED", {"asr-text": peng2021_tables.TRUTH["text"]})
    monkeypatch.setattr(peng2021_tables, "SPEECH", {"audio-xvector": peng2021_tables.SPEECH["audio-xvector"]})
    (tmp_path / "asr.json").write_text(json.dumps(dict.fromkeys(ids(), "i do n't say")))
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out"), "--no-models"]
    quick = ["--epochs", "1", "--batch-size", "8", "--folds", "0", "--audio-kernels", "3", "--text-kernels", "2"]
    command = ["--dataset", "manifest", "--data-dir", str(corpus), "--transcripts", str(tmp_path / "asr.json")]
    assert peng2021_tables.main([*command, *options, *quick]) == 0
    text = (tmp_path / "out" / "tables.md").read_text()
    assert "no x-vectors were given" in text and "no word vectors were given" in text
    assert "recognized texts: asr.json" in text and "word error rate" in text
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ") and "folds × 1 seed" in line]
    assert rows == ["| Text-CNN", "| Text-CNN", "| w/o text SWEM"]
    assert peng2021_tables.main([*command, *options, "--tables-only"]) == 0


def test_the_tables_of_a_corpus_without_texts_have_speech_and_recognised_texts(tmp_path, monkeypatch):
    corpus = without_texts(tmp_path / "corpus", speakers=3)
    monkeypatch.setattr(peng2021_tables, "RECOGNIZED", {"asr-text": peng2021_tables.TRUTH["text"]})
    (tmp_path / "asr.json").write_text(json.dumps(dict.fromkeys(ids(), "i do n't say")))
    (tmp_path / "glove.txt").write_text(GLOVE)
    options = ["--records", str(tmp_path / "records"), "--output-dir", str(tmp_path / "out"), "--no-models"]
    quick = ["--epochs", "1", "--batch-size", "8", "--folds", "0", "--audio-kernels", "3", "--text-kernels", "2"]
    command = ["--dataset", "manifest", "--data-dir", str(corpus), "--transcripts", str(tmp_path / "asr.json")]
    assert peng2021_tables.main([*command, "--word-vectors", str(tmp_path / "glove.txt"), *options, *quick]) == 0
    text = (tmp_path / "out" / "tables.md").read_text()
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| ") and "folds × 1 seed" in line]
    assert rows == ["| Audio-CNN", "| Text-CNN"]
    assert "the corpus has no texts: the rows that need them, and Table 2, are left out" in text
    assert "word vectors: glove.txt" in text and "word error rate unknown" in text
    assert set(RecordSet(tmp_path / "records").manifest.auxiliary_inputs) == set()
    assert "word_vectors" in RecordSet(tmp_path / "records-asr").manifest.auxiliary_inputs
    assert peng2021_tables.main([*command, *options, "--tables-only"]) == 0
    assert (tmp_path / "out" / "tables.md").read_text() == text


def test_word_vectors_without_any_text_are_wrong_usage(tmp_path, capsys):
    corpus = without_texts(tmp_path / "corpus", speakers=1)
    assert prepare(corpus, tmp_path / "records", "--word-vectors", str(tmp_path / "glove.txt")) == 2
    assert "the utterances have no texts; give some with --transcripts or --asr" in capsys.readouterr().err


def test_neither_the_voice_nor_the_words_of_the_bimodal_toy_tell_its_emotion_alone():
    told = {}
    for emotion in toy_bimodal.LABELS:
        words = {word for take in range(2, toy_bimodal.TAKES + 1) for word in toy_bimodal.words_of(1, emotion, take)}
        kinds = [kind for kind in ("good", "bad") if words & set(toy_bimodal.WORDS[kind])]
        told[emotion] = (*kinds, toy_bimodal._VOICES[emotion])
        assert set(toy_bimodal.words_of(1, emotion, 1)) <= set(toy_bimodal.WORDS["neutral"])
    assert len(set(told.values())) == 4  # together they do
    assert len({kind for kind, _ in told.values()}) == len({str(voice) for _, voice in told.values()}) == 2
