"""The load test of the HTTP service, against a small server that stands in for it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import soundfile
from support.ports import free_port
from support.tiny_corpus import tiny_sound

from experiments import load_test


class Service(BaseHTTPRequestHandler):
    """Answers every third request for a prediction with an error."""

    predictions = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        Service.predictions += 1
        result = {"error": "damaged"} if Service.predictions % 3 == 0 else {"emotion": "high"}
        self.answer(json.dumps({"results": [result]}))

    def do_GET(self):
        self.answer(f"process_resident_memory_bytes {1e8 + 1e6 * Service.predictions}\n")

    def answer(self, text):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def sound(tmp_path):
    soundfile.write(tmp_path / "sound.wav", tiny_sound("high", 0.8, 1), 16000)
    return tmp_path / "sound.wav"


def test_the_table_has_failures_times_and_memory(sound, tmp_path, monkeypatch):
    monkeypatch.setattr(load_test, "EARLY", 4)
    monkeypatch.setattr(Service, "predictions", 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}"
        options = ["--address", address, "--requests", "8", "--threads", "2", "--output", str(tmp_path / "table.md")]
        assert load_test.main([str(sound), *options]) == 1
        server.shutdown()
    lead, _, header, _, row, *_ = (tmp_path / "table.md").read_text().split("\n")
    assert lead.startswith("sound.wav, 0.8 s, one file in a request; ")
    cells = dict(zip(header.strip("| ").split(" | "), row.strip("| ").split(" | "), strict=True))
    assert (cells["requests"], cells["failures"]) == ("8", "3")
    assert [cells[f"{name} (MB)"] for name in ("memory before", "after 4", "at the end")] == ["101", "105", "109"]
    assert cells["asked for per second"] == "as many as possible" and float(cells["answered per second"]) > 0
    assert float(cells["median (ms)"]) <= float(cells["99th percentile (ms)"])


def test_a_rate_spaces_the_requests_in_time_and_the_note_is_in_the_table(sound, tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}"
        load = load_test.measure(address, sound, requests=11, threads=2, rate=20)
        options = ["--address", address, "--requests", "2", "--rate", "50", "--note", "A training runs beside it."]
        load_test.main([str(sound), *options, "--output", str(tmp_path / "table.md")])
        server.shutdown()
    assert load.total_seconds >= 0.5 and len(load.seconds) == 11
    table = (tmp_path / "table.md").read_text()
    assert " A training runs beside it.\n" in table and "| 2 | 4 | 50 | " in table


def test_a_service_that_does_not_run_is_named_with_the_command_that_starts_it(sound, capsys):
    address = f"http://127.0.0.1:{free_port()}"
    assert load_test.main([str(sound), "--address", address, "--requests", "1"]) == 1
    assert f"{address}: no answer" in capsys.readouterr().err
