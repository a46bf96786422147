"""The demo page: every sound has a row, a bad one with its error, and the browser loads nothing from elsewhere."""

import html
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile
from support.tiny_corpus import TINY_NETWORK, tiny_sound

from acrnn import audio
from acrnn.crossval import Experiment, cross_validate
from acrnn.export import version_folder
from acrnn.export.trained_model import TrainedModel
from acrnn.inference import Recognizer, demo
from acrnn.recipes import Recipe

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PNG = "data:image/png;base64,"
ESTIMATE = {
    "protocol": "leave-one-speaker-out",
    "uar_pooled": 0.625,
    "uar_pooled_interval": (0.5, 0.75),
    "per_class": [{"emotion": "high", "recall": 0.9}, {"emotion": "low", "recall": None}],
    "coverage": {"folds": 5, "seeds": 1, "runs": 5, "planned": 5},
}


@pytest.fixture(scope="module")
def model(tiny_records, tmp_path_factory):
    """The version folder of a tiny model."""
    run, out = tmp_path_factory.mktemp("demo-run"), tmp_path_factory.mktemp("demo-model") / "tiny" / "1"
    recipe = Recipe(learning_rate=1e-2, batch_size=8, epochs=1)
    experiment = Experiment(tiny_records, "chen2018-3d", recipe, options=TINY_NETWORK)
    cross_validate(experiment, run, folds=[0], announce=lambda line: None)
    version_folder.export(TrainedModel.of_run(run, 0), out, formats=("onnx",))
    return out


@pytest.fixture(scope="module")
def recognizer(model):
    return Recognizer.load(model, threads=1, check_speech=False)


@pytest.fixture
def sounds(tmp_path):
    """Two sounds on disk."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for name, seconds, seed in (("high", 0.8, 1), ("low", 3.5, 2)):
        soundfile.write(folder / f"{name}.wav", tiny_sound(name, seconds, seed), 16000)
    return [str(folder / "high.wav"), str(folder / "low.wav")]


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
    shown = demo.recognize(recognizer, sounds)
    header, *lines = rows(shown)
    assert header == ["file", "emotion", *recognizer.labels, "duration"]
    for path, line in zip(sounds, lines, strict=True):
        prediction = recognizer.predict(path)
        shares = [f"{100 * prediction.probabilities[label]:.1f}" for label in recognizer.labels]
        assert line == [Path(path).name, prediction.emotion, *shares, f"{prediction.duration_seconds:.2f} s"]
    assert shown.count(PNG) == 2
    assert [Path(path).name for path in sounds] == re.findall(r"<figcaption>(.*?):", shown)


def test_the_figure_is_a_png_as_wide_as_the_page(recognizer, sounds):
    png = demo.answer(recognizer, "high.wav", Path(sounds[0])).png
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(png[16:20], "big") >= 1000 and len(png) > 10_000


def test_a_bad_file_has_a_row_with_its_error_and_the_others_go_on(recognizer, sounds, tmp_path):
    bad = write_bad(tmp_path)
    shown = demo.recognize(recognizer, [sounds[0], *(str(tmp_path / name) for name in bad), sounds[1]])
    _, first, *failed, last = rows(shown)
    assert first[0] == "high.wav" and last[0] == "low.wav" and shown.count(PNG) == 2
    assert [line[0] for line in failed] == list(bad)
    for (_, message), reason in zip(failed, bad.values(), strict=True):
        assert reason in message
    assert str(tmp_path) not in shown and "Traceback" not in shown


def test_the_page_keeps_to_a_shorter_limit_of_the_model(recognizer, sounds):
    short = Recognizer(replace(recognizer.card, max_seconds=2.0), None, "none", Path())
    assert "3.5 s long, this page takes up to 2 s" in demo.answer(short, "low.wav", Path(sounds[1])).error


def test_a_sound_that_is_too_long_is_not_decoded(recognizer, tmp_path, monkeypatch):
    soundfile.write(tmp_path / "long.flac", np.zeros(100 * 8000, np.int16), 8000)
    monkeypatch.setattr(audio, "load_waveform", lambda *_: pytest.fail("it was decoded"))
    assert "100.0 s long" in demo.answer(recognizer, "long.flac", tmp_path / "long.flac").error


def test_a_recording_comes_first_and_no_more_than_a_dozen_sounds_are_taken(recognizer, sounds, tmp_path):
    paths = [str(tmp_path / f"gone{number}.wav") for number in range(14)]
    shown = demo.recognize(recognizer, paths, sounds[0])
    lines = rows(shown)[1:]
    assert [line[0] for line in lines] == ["recording", *(f"gone{number}.wav" for number in range(11))]
    assert "Left out: gone11.wav, gone12.wav, gone13.wav" in shown


def test_a_page_without_sounds_explains_the_next_step(recognizer):
    assert "No sound yet" in demo.recognize(recognizer, None) and "<table" not in demo.recognize(recognizer, [])


def test_the_name_of_a_file_is_text_and_no_markup(recognizer, sounds, tmp_path):
    name = '<img src=x onerror="alert(1)"> $_$.wav'
    shutil.copy(sounds[0], tmp_path / name)
    shown = demo.recognize(recognizer, [str(tmp_path / name), str(tmp_path / f"gone {name}")])
    assert "<img src=x" not in shown and shown.count("<img") == 1
    assert [line[0] for line in rows(shown)[1:]] == [name, f"gone {name}"]


def test_the_top_states_the_model_its_training_data_and_limitations(recognizer):
    card, top = recognizer.card, demo.about(recognizer.card)
    assert "tiny, 3-D ACRNN" in top and "high, low, noisy" in top and "not calibrated" in top
    assert html.escape(card.corpus["title"]) in top and f"{len(card.fitted_on['speakers'])} speakers" in top


def test_the_top_states_the_performance_with_its_interval_or_that_none_was_measured(recognizer):
    top = " ".join(demo.about(replace(recognizer.card, estimate=ESTIMATE)).split())
    assert "UAR 62.5 % (95 % interval 50.0 to 75.0), where chance is 33.3 %" in top
    assert "leave-one-speaker-out, 5 of 5 planned runs" in top and "Recall: high 90 %, low –." in top
    assert "interval" not in demo.about(replace(recognizer.card, estimate={**ESTIMATE, "uar_pooled_interval": None}))
    assert "Not measured on speakers" in demo.about(replace(recognizer.card, estimate=None))


def test_gradio_is_imported_when_a_page_is_built_and_not_before():
    program = "import sys, acrnn.inference.demo; print('gradio' in sys.modules, 'tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_without_gradio_the_extra_is_named(recognizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r'serve-demo needs the extra \[demo\].*pip install "acrnn\[demo\]"'):
        demo.serve(recognizer)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def served(recognizer):
    """The address of the page, served."""
    built, port = demo.page(recognizer), free_port()
    assert built.analytics_enabled is False
    demo.launch(built, "127.0.0.1", port)
    yield f"http://127.0.0.1:{port}"
    built.close(verbose=False)


def test_a_port_that_is_taken_is_named(recognizer, served):
    port = urlsplit(served).port
    with pytest.raises(OSError, match=f"127.0.0.1, port {port}: the page cannot listen there; choose another port"):
        demo.serve(recognizer, port=port)


def upload(address, sound):
    return httpx.post(f"{address}/gradio_api/upload", files={"files": ("sound.wav", sound)})


def test_an_upload_that_is_too_large_is_refused(served):
    assert upload(served, bytes(21_000_000)).status_code == 413
    assert upload(served, bytes(1_000)).status_code == 200


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
    ) as page:
        try:
            assert page.stdout.readline() == f"{address}/ shows tiny; Ctrl-C ends it\n"
            kept = upload(address, Path(sounds[0]).read_bytes()).json()
            assert Path(kept[0]).is_file() and Path(kept[0]).is_relative_to(temporary)
            page.send_signal(signal.SIGINT)
            _, errors = page.communicate(timeout=60)
        finally:
            page.kill()
    assert page.returncode == 0 and errors == "ended\n"
    assert not Path(kept[0]).exists() and list(temporary.glob("*demo*")) == [] == list(temporary.glob("gradio*"))


@pytest.fixture
def browser():
    """A headless Chromium, driven by playwright."""
    if not (chromium := shutil.which("chromium")):
        pytest.skip("no chromium on PATH: the page is not tried in a browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def tab(browser):
    """A tab that can load from this machine only, and the other addresses that it requested."""
    opened, elsewhere = browser.new_page(), []

    def gate(route):
        if urlsplit(route.request.url).hostname in ("127.0.0.1", "localhost"):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    opened.route(re.compile("^(https?|wss?):"), gate)
    return opened, elsewhere


def submit(page, address, paths):
    """Opens the page, uploads files and presses the button."""
    page.goto(address)
    page.get_by_role("button", name="Recognize").wait_for()
    page.set_input_files("input[type=file]", paths)
    page.get_by_label(Path(paths[-1]).name).wait_for()
    page.get_by_role("button", name="Recognize").click()


def test_in_a_browser_two_files_are_uploaded_recognised_and_drawn_without_loading_anything_from_elsewhere(
    served, tab, recognizer, sounds, tmp_path
):
    page, elsewhere = tab
    submit(page, served, sounds)
    page.locator("#answer table").wait_for()
    emotions = [cell.inner_text() for cell in page.locator("#answer td.emotion").all()]
    assert emotions == [recognizer.predict(path).emotion for path in sounds]
    widths = page.locator("#answer figure img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(widths) == 2 and min(widths) >= 1000
    assert page.get_by_text("not calibrated: 90 %").is_visible()
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 50_000
    assert elsewhere == []


def test_in_a_browser_a_bad_file_has_its_line_and_clear_empties_the_page(served, tab, sounds, tmp_path):
    page, elsewhere = tab
    bad = tmp_path / "empty.wav"
    bad.touch()
    submit(page, served, [str(bad), sounds[0]])
    page.locator("#answer td.error", has_text="empty, 0 bytes").wait_for()
    assert page.locator("#answer figure").count() == 1
    page.get_by_role("button", name="Clear").last.click()
    page.locator("#answer table").wait_for(state="detached")
    assert elsewhere == []
