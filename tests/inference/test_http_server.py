"""The command `acrnn serve`: a real server under load, and its end."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
import soundfile
from support.ports import free_port
from support.tiny_corpus import tiny_sound

from acrnn import cli

REQUESTS, THREADS = 60, 4


@contextmanager
def served(*options):
    """The process and the address of a server that has started."""
    port = free_port()
    command = [sys.executable, "-m", "acrnn", "serve", "--port", str(port), "--runtime", "onnx", *options]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # background jobs of a shell ignore it
    ) as process:
        try:
            assert process.stderr.readline() == "loading…\n"
            assert process.stdout.readline() == f"http://127.0.0.1:{port} serves acrnn_emodb; Ctrl-C ends it\n"
            yield process, f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@pytest.fixture
def sound(tmp_path):
    soundfile.write(tmp_path / "sound.wav", tiny_sound("high", 0.8, 1), 16000)
    return tmp_path / "sound.wav"


def predict(address, sound) -> httpx.Response:
    return httpx.post(f"{address}/v1/predict", files={"files": ("sound.wav", sound.read_bytes())}, timeout=60)


def test_requests_of_several_threads_have_the_same_answer_and_a_signal_ends_the_server(sound):
    with served() as (process, address):
        with ThreadPoolExecutor(THREADS) as threads:
            answers = list(threads.map(lambda _: predict(address, sound), range(REQUESTS)))
        assert {answer.status_code for answer in answers} == {200} and len({answer.text for answer in answers}) == 1
        count = 'acrnn_requests_total{path="/v1/predict",status="200"}'
        assert f"{count} {REQUESTS}.0" in httpx.get(f"{address}/metrics").text
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "ended\n" and process.returncode == 0


def test_an_open_request_is_answered_before_the_end(tmp_path):
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, tiny_sound("high", 50, 1), 16000)
    with served() as (process, address), ThreadPoolExecutor(1) as threads:
        answer = threads.submit(predict, address, sound)
        while "acrnn_open_requests 2.0" not in httpx.get(f"{address}/metrics").text:
            assert not answer.done(), "the request was answered before the signal; make the sound longer"
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert answer.result().json()["results"][0]["duration_seconds"] == 50
        assert process.wait(timeout=60) == 0


def test_a_port_that_is_taken_is_named(capsys):
    with served() as (_, address):
        port = address.rpartition(":")[2]
        assert cli.main(["serve", "--port", port, "--runtime", "onnx"]) == 1
    error = capsys.readouterr().err
    assert f"127.0.0.1, port {port}: the service cannot listen there (" in error
    assert "choose another port or host" in error


@pytest.mark.parametrize("option", ["--most-files", "--most-upload-mb", "--most-request-seconds"])
def test_a_limit_of_zero_is_wrong_usage(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["serve", option, "0"])
    assert f"{option}: '0' is not a whole number from 1 up" in capsys.readouterr().err


def test_a_key_that_cannot_be_used_is_wrong_usage(tmp_path, capsys):
    assert cli.main(["serve", "--api-key-file", str(tmp_path / "nothing")]) == 2
    assert "nothing: the key cannot be read" in capsys.readouterr().err
