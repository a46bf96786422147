"""The demo page without a browser: every sound has a row, a bad one with its error."""

import base64
import html
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile
from support.ports import free_port
from support.tiny_corpus import tiny_sound

from acrnn import audio, figures
from acrnn.inference import Recognizer, command, uploads
from acrnn.inference.demo import answers, page

PNG = "data:image/png;base64,"
ESTIMATE = {
    "protocol": "leave-one-speaker-out",
    "uar_pooled": 0.625,
    "uar_pooled_interval": (0.5, 0.75),
    "per_class": [{"emotion": "high", "recall": 0.9}, {"emotion": "low", "recall": None}],
    "coverage": {"folds": 5, "seeds": 1, "runs": 5, "planned": 5},
}


def write_bad(folder):
    """Writes a file with each fault; returns the expected messages."""
    noise = tiny_sound("noisy", 61, 3)
    (folder / "empty.wav").touch()
    (folder / "letter.wav").write_text("Dear Sir or Madam, " * 50)
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "long.wav", noise, 16000)
    soundfile.write(folder / "click.wav", noise[:100], 16000)
    soundfile.write(folder / "nan.wav", np.append(noise[:16000], np.nan), 16000, subtype="FLOAT")
    return {
        "empty.wav": "empty, 0 bytes",
        "letter.wav": "not readable as audio",
        "silent.wav": "silence; record it again",
        "long.wav": "61.0 s long, this page takes up to 60 s; cut it",
        "click.wav": "shorter than one analysis window",
        "nan.wav": "1 of 16001 samples are NaN or infinite",
        "gone.wav": "no such sound file",
    }


def rows(shown):
    """The cells of every row of the table, as text."""
    table_rows = re.findall(r"<tr>(.*?)</tr>", shown, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in table_rows]
    return [[html.unescape(cell.strip()) for cell in row] for row in cells]


def test_every_sound_has_a_row_with_its_prediction_and_a_figure(recognizer, sounds):
    shown = answers.recognize(recognizer, sounds)
    header, *lines = rows(shown)
    assert header == ["file", "emotion", *recognizer.labels, "duration"]
    for path, line in zip(sounds, lines, strict=True):
        prediction = recognizer.predict(path)
        shares = [f"{100 * prediction.probabilities[label]:.1f}" for label in recognizer.labels]
        assert line == [Path(path).name, prediction.emotion, *shares, f"{prediction.duration_seconds:.2f} s"]
    assert shown.count(PNG) == 2
    assert [Path(path).name for path in sounds] == re.findall(r"<figcaption>(.*?):", shown)


def test_the_figure_is_a_png_as_wide_as_the_page(recognizer, sounds):
    png = answers.answer(recognizer, "high.wav", Path(sounds[0])).png
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20], "big") >= 1000 and len(png) > 10_000


def test_the_figure_has_a_scale_for_attention_and_its_parts_can_be_stacked(recognizer, sounds):
    prediction = recognizer.predict(sounds[0])
    for stacked in (False, True):
        figure = figures.predictions([command.example(recognizer, prediction)], stacked)
        wave, bands, bars, attention = figure.axes
        figure.draw_without_rendering()
        assert "attention" in attention.get_ylabel() and len(attention.get_yticks()) > 2
        assert attention.get_ylim()[1] > max(prediction.attention) and bands.get_ylabel() == "Mel band"
        places = [axes.get_position() for axes in (wave, bars)]
        assert bool(places[0].y0 > places[1].y1) is stacked


def test_the_player_of_a_sound_has_the_waveform_that_the_model_received(recognizer, sounds):
    shown = answers.recognize(recognizer, sounds)
    players = re.findall(r'<audio controls src="data:audio/flac;base64,([^"]+)"', shown)
    for path, player in zip(sounds, players, strict=True):
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(player)), dtype="float32")
        assert rate == recognizer.card.sample_rate_hz
        np.testing.assert_allclose(samples, recognizer.waveform(path), atol=2 / 32768)


def test_a_bad_file_has_its_error_below_the_predictions_of_the_others(recognizer, sounds, tmp_path):
    bad = write_bad(tmp_path)
    shown = answers.recognize(recognizer, [sounds[0], *(str(tmp_path / name) for name in bad), sounds[1]])
    _, first, second, header, *failed = rows(shown)
    assert first[0] == "high.wav" and second[0] == "low.wav" and shown.count(PNG) == 2
    assert header == ["file", "problem"] and [line[0] for line in failed] == list(bad)
    for (_, message), reason in zip(failed, bad.values(), strict=True):
        assert reason in message
    assert str(tmp_path) not in shown and "Traceback" not in shown


def test_without_a_prediction_there_is_no_table_of_probabilities(recognizer, tmp_path):
    shown = answers.recognize(recognizer, [str(tmp_path / "gone.wav")])
    assert [line[:2] for line in rows(shown)] == [["file", "problem"], ["gone.wav", rows(shown)[1][1]]]


def test_the_page_keeps_to_a_shorter_limit_of_the_model(recognizer, sounds):
    short = Recognizer(replace(recognizer.card, max_seconds=2.0), None, "none", Path())
    assert "3.5 s long, this page takes up to 2 s" in answers.answer(short, "low.wav", Path(sounds[1])).error


def test_a_sound_that_is_too_long_is_not_decoded(recognizer, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.flac", np.zeros(100 * 8000, np.int16), 8000)
    monkeypatch.setattr(audio, "load_waveform", lambda *_: pytest.fail("it was decoded"))
    assert "100.0 s long" in answers.answer(recognizer, "long.flac", tmp_path / "long.flac").error


def test_a_recording_comes_first_and_no_more_than_a_dozen_sounds_are_taken(recognizer, sounds, tmp_path):
    paths = [str(tmp_path / f"gone{number}.wav") for number in range(14)]
    shown = answers.recognize(recognizer, paths, sounds[0])
    names = [line[0] for line in rows(shown) if line[0] != "file"]
    assert names == ["recording", *(f"gone{number}.wav" for number in range(11))]
    assert "Left out: gone11.wav, gone12.wav, gone13.wav" in shown


def test_a_page_without_sounds_explains_the_next_step(recognizer):
    assert "No sound yet" in answers.recognize(recognizer, None) and "<table" not in answers.recognize(recognizer, [])


def test_the_name_of_a_file_is_text_and_no_markup(recognizer, sounds, tmp_path):
    name = '<img src=x onerror="alert(1)"> $_$.wav'
    shutil.copy(sounds[0], tmp_path / name)
    shown = answers.recognize(recognizer, [str(tmp_path / name), str(tmp_path / f"gone {name}")])
    assert "<img src=x" not in shown and shown.count("<img") == 1
    assert [line[0] for line in rows(shown) if line[0] != "file"] == [name, f"gone {name}"]


def test_the_top_states_the_emotions_and_what_the_model_does_not_do(recognizer):
    top = " ".join(answers.lead(recognizer.card).split())
    assert "tiny names the emotion that speech resembles most: high, low or noisy. It does not detect" in top


def test_the_facts_state_the_model_its_training_data_and_limitations(recognizer):
    card, top = recognizer.card, answers.about(recognizer.card)
    assert "tiny, 3-D ACRNN" in top and "high, low, noisy" in top and "not calibrated" in top
    assert html.escape(card.corpus["title"]) in top and f"{len(card.fitted_on['speakers'])} speakers" in top


def test_the_facts_state_the_performance_with_its_interval_or_that_none_was_measured(recognizer):
    top = " ".join(answers.about(replace(recognizer.card, estimate=ESTIMATE)).split())
    assert "UAR 62.5 % (95 % interval 50.0 to 75.0), where chance is 33.3 %" in top
    assert "leave-one-speaker-out, 5 of 5 planned runs" in top and "Recall: high 90 %, low –." in top
    assert "interval" not in answers.about(replace(recognizer.card, estimate={**ESTIMATE, "uar_pooled_interval": None}))
    assert "Not measured on speakers" in answers.about(replace(recognizer.card, estimate=None))


def test_gradio_is_imported_when_a_page_is_built_and_not_before():
    program = "import sys, acrnn.inference.demo.page; print('gradio' in sys.modules, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_gradio_the_extra_is_named(recognizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r'serve-demo needs the extra \[demo\].*pip install "acrnn\[demo\]"'):
        page.serve(recognizer)


def test_a_port_that_is_taken_is_named(recognizer, served):
    port = urlsplit(served).port
    with pytest.raises(OSError, match=f"127.0.0.1, port {port}: the page cannot listen there; choose another port"):
        page.serve(recognizer, port=port)


def upload(address, sound):
    return httpx.post(f"{address}/gradio_api/upload", files={"files": ("sound.wav", sound)})


def test_the_example_is_synthetic_speech_that_the_model_can_take(recognizer, tmp_path):
    example = page.write_example(tmp_path)
    assert 1 < soundfile.info(example).duration < 4
    assert answers.answer(recognizer, example.name, example).prediction.emotion in recognizer.labels


def test_the_model_has_answered_once_before_the_page_is_served(recognizer, monkeypatch):
    steps = []
    run = recognizer._run
    monkeypatch.setattr(recognizer, "_run", lambda *inputs: steps.append("answer") or run(*inputs))
    monkeypatch.setattr(page, "launch", lambda blocks, *_: steps.append("serve") or blocks.close())
    page.serve(recognizer, port=free_port())
    assert steps == ["answer", "serve"]


def test_an_upload_that_is_too_large_is_refused(served):
    assert upload(served, bytes(21_000_000)).status_code == 413
    assert upload(served, bytes(1_000)).status_code == 200


def test_uploads_beyond_the_limit_of_all_together_are_refused(served, monkeypatch):
    monkeypatch.setattr(uploads, "_bytes_in", lambda folder: uploads.MOST_MB * 10**6 - 500)
    refused = upload(served, bytes(1_000))
    assert (refused.status_code, refused.text) == (413, "the page holds too many uploads; try again in an hour")


def handle_interrupts():
    """Restores the handling of Ctrl-C, which background jobs of a shell ignore."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupt_ends_the_page_with_exit_status_0_and_nothing_of_the_uploads_is_left(model, sounds, tmp_path):
    address, temporary = f"http://127.0.0.1:{free_port()}", tmp_path / "temporary"
    temporary.mkdir()
    command = [
        sys.executable,
        "-m",
        "acrnn",
        "serve-demo",
        "--model",
        str(model),
        "--port",
        address.rpartition(":")[2],
    ]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=handle_interrupts,
    ) as process:
        try:
            assert process.stderr.readline() == "loading…\n"
            assert process.stdout.readline() == f"{address}/ shows tiny; Ctrl-C ends it\n"
            kept = upload(address, Path(sounds[0]).read_bytes()).json()
            assert Path(kept[0]).is_file() and Path(kept[0]).is_relative_to(temporary)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0 and errors == "ended\n"
    assert not Path(kept[0]).exists() and list(temporary.glob("*demo*")) == [] == list(temporary.glob("gradio*"))
