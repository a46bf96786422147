"""The HTTP service in the process: predictions as JSON, errors, limits, the key, metrics."""

import asyncio
import io
import sys
import threading

import httpx
import pytest
import schemathesis
import soundfile
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks
from support.tiny_corpus import tiny_sound

from acrnn.errors import UsageError
from acrnn.inference import Recognizer
from acrnn.inference.http_service import api_key, server
from acrnn.inference.http_service.app import application
from acrnn.inference.http_service.limits import Limits

KEY = "0123456789abcdef"
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)
LIMITS = Limits(requests=2, files=3, upload_mb=1, sound_seconds=10, request_seconds=20)


@pytest.fixture(scope="module")
def recognizer():
    return Recognizer.load(runtime="onnx", threads=1, check_speech=False)


@pytest.fixture(scope="module")
def service(recognizer):
    return application(recognizer, LIMITS)


def wav(seconds: float = 0.8, emotion: str = "high") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tiny_sound(emotion, seconds, 1), 16000, format="WAV")
    return buffer.getvalue()


def upload(*contents: bytes) -> dict:
    """Arguments of a request with these files."""
    return {"files": [("files", (f"{number}.wav", content)) for number, content in enumerate(contents)]}


def client(service) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(service, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60)


def request(service, method: str, path: str, **arguments) -> httpx.Response:
    async def send():
        async with client(service) as connection:
            return await connection.request(method, path, **arguments)

    return asyncio.run(send())


def predict(service, *contents: bytes, **arguments) -> httpx.Response:
    return request(service, "POST", "/v1/predict", **upload(*contents), **arguments)


def test_each_file_has_the_prediction_of_the_recognizer_without_attention(service, recognizer, tmp_path):
    contents = [wav(0.8, "high"), wav(3.5, "low")]
    answer = predict(service, *contents)
    assert answer.status_code == 200 and answer.json()["model"] == "acrnn_emodb"
    for number, (content, result) in enumerate(zip(contents, answer.json()["results"], strict=True)):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(content)
        expected = recognizer.predict(path).to_dict(attention=False)
        assert result.pop("probabilities") == pytest.approx(expected.pop("probabilities"), abs=1e-5)
        assert [segment.pop("probabilities") for segment in result["segments"]]
        assert [segment.pop("probabilities") for segment in expected["segments"]]
        assert result == {**expected, "source": path.name}


def test_attention_is_there_on_request(service):
    result = predict(service, wav(), params={"attention": "true"}).json()["results"][0]
    assert len(result["attention"]) == len(result["attention_seconds"]) > 50


def test_a_file_that_cannot_be_used_has_an_error_and_the_others_are_recognized(service):
    results = predict(service, b"Dear Sir or Madam", wav(), b"").json()["results"]
    assert [set(result) for result in (results[0], results[2])] == [{"source", "error"}] * 2
    assert "0.wav: not readable as audio" in results[0]["error"] and "2.wav: empty, 0 bytes" in results[2]["error"]
    assert results[1]["source"] == "1.wav" and "emotion" in results[1]


def test_a_sound_that_is_too_long_is_refused(service):
    (result,) = predict(service, wav(10.5)).json()["results"]
    assert result["error"] == "0.wav: 10.5 s long, this service takes up to 10 s; cut it"


async def in_parts():
    yield wav()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (upload(wav(), wav(), wav(), wav()), 413, "4 files, the limit is 3; send several requests"),
        (upload(bytes(1_100_000)), 413, "the request has 1.1 MB, the limit is 1 MB; send fewer files"),
        ({"content": in_parts()}, 411, "an upload must state its length"),
        ({"data": {"sound": "x"}}, 422, "body files: Field required"),
        ({**upload(wav()), "params": {"attention": "x"}}, 422, "query attention: Input should be a valid boolean"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "Missing boundary"),
    ],
)
def test_a_request_beyond_the_limits_or_without_files_is_refused_with_the_reason(service, arguments, status, message):
    answer = request(service, "POST", "/v1/predict", **arguments)
    assert answer.status_code == status and message in answer.json()["error"]


@pytest.fixture
def slow(recognizer, monkeypatch):
    """Lets predictions wait; returns the event that ends the waiting, and the names of the files that were read."""
    proceed, read, predict_files = threading.Event(), [], recognizer.predict_files

    def one_by_one(sounds):
        for sound in sounds:
            read.append(sound.name)
            proceed.wait(30)
            yield from predict_files([sound])

    monkeypatch.setattr(recognizer, "predict_files", one_by_one)
    yield proceed, read
    proceed.set()


def test_requests_beyond_the_queue_are_refused_and_others_answered_meanwhile(recognizer, slow):
    proceed, _ = slow

    async def run():
        async with client(application(recognizer, LIMITS)) as connection:
            waiting = [
                asyncio.create_task(connection.post("/v1/predict", **upload(wav()))) for _ in range(LIMITS.requests)
            ]
            await asyncio.sleep(0.5)
            health, refused = await connection.get("/healthz"), await connection.post("/v1/predict", **upload(wav()))
            proceed.set()
            answered = await asyncio.gather(*waiting)
            return health, refused, answered, await connection.post("/v1/predict", **upload(wav()))

    health, refused, answered, later = asyncio.run(run())
    assert health.json() == {"status": "ok"}
    assert (
        refused.status_code == 503 and refused.headers["retry-after"] == "2" and "too many" in refused.json()["error"]
    )
    assert [answer.status_code for answer in (*answered, later)] == [200] * 3


def test_a_request_that_takes_too_long_is_refused_and_its_other_files_are_not_read(recognizer, slow):
    proceed, read = slow
    service = application(recognizer, Limits(request_seconds=1))
    late = predict(service, wav(), wav())
    assert late.status_code == 504 and "more than 1 s; send fewer or shorter files" in late.json()["error"]
    proceed.set()
    assert predict(service, wav()).status_code == 200  # after the work on the first request
    assert read == ["0.wav", "0.wav"]


def test_an_error_of_the_service_is_an_object_too(recognizer, monkeypatch):
    monkeypatch.setattr(recognizer, "predict_files", lambda sounds: 1 / 0)
    answer = predict(application(recognizer, LIMITS), wav())
    assert answer.status_code == 500 and answer.json() == {"error": "an error of the service; its log has the cause"}


def test_requests_need_the_key_and_the_state_of_the_service_does_not(recognizer):
    service = application(recognizer, LIMITS, KEY)
    for header in ({}, {"authorization": f"Bearer {KEY}x"}, {"authorization": f"Basic {KEY}"}, {"authorization": KEY}):
        for method, path in (
            ("POST", "/v1/predict"),
            ("GET", "/v1/model"),
            ("GET", "/metrics"),
            ("GET", "/v1/nothing"),
        ):
            answer = request(service, method, path, headers=header)
            assert answer.status_code == 401 and "Authorization: Bearer KEY" in answer.json()["error"]
    assert predict(service, wav(), headers={"authorization": f"Bearer {KEY}"}).status_code == 200
    assert request(service, "GET", "/healthz").status_code == 200
    assert request(service, "GET", "/openapi.json").json()["paths"]["/v1/predict"]["post"]["security"] == [
        {"HTTPBearer": []}
    ]


def test_the_key_is_read_from_a_file_or_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv(api_key.VARIABLE, raising=False)
    assert api_key.read(None) is None
    monkeypatch.setenv(api_key.VARIABLE, KEY[::-1])
    (tmp_path / "key").write_text(f"{KEY}\n")
    assert (api_key.read(None), api_key.read(tmp_path / "key")) == (KEY[::-1], KEY)


@pytest.mark.parametrize("key", ["", KEY[1:], f"{KEY} {KEY}", f"{KEY}ä"])
def test_a_key_that_is_short_or_cannot_be_sent_is_refused(key, tmp_path):
    (tmp_path / "key").write_text(key)
    with pytest.raises(UsageError, match=r"key: the key needs 16 ASCII.*openssl rand -hex 32"):
        api_key.read(tmp_path / "key")
    with pytest.raises(UsageError, match="nothing: the key cannot be read"):
        api_key.read(tmp_path / "nothing")


def test_metrics_count_requests_seconds_and_files(recognizer):
    service = application(recognizer, LIMITS)
    predict(service, wav(), b"no sound")
    request(service, "POST", "/v1/predict")
    request(service, "GET", "/nothing")
    answer = request(service, "GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    for line in (
        'acrnn_requests_total{path="/v1/predict",status="200"} 1.0',
        'acrnn_requests_total{path="/v1/predict",status="422"} 1.0',
        'acrnn_requests_total{path="other",status="404"} 1.0',
        'acrnn_request_seconds_count{path="/v1/predict"} 2.0',
        'acrnn_files_total{result="recognized"} 1.0',
        'acrnn_files_total{result="failed"} 1.0',
        "acrnn_open_requests 1.0",
    ):
        assert line in lines


def test_the_model_is_described_with_the_limits(service, recognizer):
    summary = request(service, "GET", "/v1/model").json()
    assert summary["name"] == "acrnn_emodb" and summary["emotions"] == list(recognizer.labels)
    assert summary["uar"] == recognizer.card.estimate["uar_pooled"] and summary["runtime"] == "onnx"
    assert summary["limits"] == {"files": 3, "upload_mb": 1, "sound_seconds": 10, "request_seconds": 20}


def test_no_page_loads_scripts_from_the_internet(service):
    for path in ("/docs", "/redoc"):
        answer = request(service, "GET", path)
        assert (answer.status_code, answer.json()) == (404, {"error": "Not Found"})
    assert "http" not in request(service, "GET", "/openapi.json").text


def test_any_request_made_from_the_description_has_an_answer_that_fits_it(service):
    for operation in schemathesis.openapi.from_asgi("/openapi.json", service).get_all_operations():

        @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.ok().as_strategy())
        def check(case):
            case.call_and_validate(checks=CHECKS)

        check()


def test_without_the_extra_it_is_named(recognizer, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=r'acrnn serve needs the extra \[server\].*pip install "acrnn\[server\]"'):
        server.serve(recognizer, "127.0.0.1", 8000, LIMITS)


@pytest.mark.parametrize(
    ("host", "key", "warning"),
    [
        ("127.0.0.1", None, ""),
        ("0.0.0.0", None, "host 0.0.0.0: everyone who reaches this machine can use the service"),
        ("::", KEY, "host ::: everyone who has the key can use the service"),
    ],
)
def test_a_host_beyond_this_machine_is_warned_of(host, key, warning, capsys):
    server._announce("tiny", host, 8000, key)
    assert capsys.readouterr().err.partition("\n")[0] == warning
