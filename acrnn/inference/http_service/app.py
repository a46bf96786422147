"""The application of the HTTP service: its paths and their responses. Needs the extra [server]."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, HTTPException, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.security import HTTPBearer
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException as AnyHTTPException

from acrnn import __version__
from acrnn.audio import Content
from acrnn.inference.asgi import App
from acrnn.inference.http_service.gate import OPEN_TO_ALL, PREDICT, Gate
from acrnn.inference.http_service.limits import Limits
from acrnn.inference.http_service.metrics import Measured, Metrics
from acrnn.inference.http_service.schemas import Error, Health, ModelSummary, Results, SoundError, SoundResult
from acrnn.inference.http_service.worker import Worker
from acrnn.inference.prediction import Failure, Prediction
from acrnn.inference.recognizer import Recognizer

_MODEL, _METRICS = "/v1/model", "/metrics"
_PATHS = (PREDICT, _MODEL, _METRICS, *OPEN_TO_ALL)
_REFUSALS = {
    400: "not a multipart upload",
    411: "the length of the upload is not stated",
    413: "the upload is too large, or has too many files",
    422: "the field files is missing, or another argument is wrong",
    500: "an error of the service",
    503: "too many requests at the same time; the header Retry-After states the seconds to wait",
    504: "the request took too long",
}
_UNAUTHORIZED = {401: "the key is missing or wrong"}


def application(recognizer: Recognizer, limits: Limits, key: str | None = None) -> App:
    """Returns the ASGI application of the service.

    Args:
        recognizer: a model that takes sound alone.
        limits: limits of the requests.
        key: key that clients must send; None takes every client.
    """
    worker, metrics = Worker(recognizer, limits.sound_seconds), Metrics()

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        yield
        worker.close()

    api = FastAPI(
        title=f"acrnn: {recognizer.card.name}", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    api.exception_handler(AnyHTTPException)(_refused)
    api.exception_handler(RequestValidationError)(_invalid)
    api.exception_handler(Exception)(_failed)
    # The gate checks the key before it reads a request; this only describes the key in openapi.json.
    secured = (
        {"dependencies": [Depends(HTTPBearer(auto_error=False))], "responses": _described(_UNAUTHORIZED)} if key else {}
    )
    _add_predict(api, worker, metrics, limits.files, secured)
    _add_model(api, ModelSummary.of(recognizer, limits, worker.most_seconds, __version__), secured)
    _add_operations(api, metrics, secured)
    return Measured(Gate(api, limits, key), metrics, _PATHS)


def _add_predict(api: FastAPI, worker: Worker, metrics: Metrics, most_files: int, secured: dict) -> None:
    responses = _described(_REFUSALS) | secured.get("responses", {})

    @api.post(PREDICT, response_model_exclude_unset=True, **secured | {"responses": responses})
    async def predict(files: list[UploadFile], attention: bool = False) -> Results:
        """Recognizes the emotion in each sound file. A file that cannot be used has an error in its place."""
        if len(files) > most_files:
            raise HTTPException(413, f"{len(files)} files, the limit is {most_files}; send several requests")
        sounds = [Content(file.filename or f"file {i}", await file.read()) for i, file in enumerate(files, 1)]
        results = await worker.results(sounds)
        _count(metrics, results)
        return Results(model=worker.recognizer.card.name, results=[_shown(result, attention) for result in results])


def _add_model(api: FastAPI, summary: ModelSummary, secured: dict) -> None:
    @api.get(_MODEL, **secured)
    async def model() -> ModelSummary:
        """Describes the model and the limits of a request."""
        return summary


def _add_operations(api: FastAPI, metrics: Metrics, secured: dict) -> None:
    @api.get("/healthz")
    async def healthz() -> Health:
        """Tells that the service is running and its model is loaded."""
        return Health(status="ok")

    @api.get(_METRICS, response_class=PlainTextResponse, **secured)
    async def prometheus() -> Response:
        """Returns metrics for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _shown(result: Prediction | Failure, attention: bool) -> SoundResult | SoundError:
    if isinstance(result, Failure):
        return SoundError(source=result.source, error=result.reason)
    return SoundResult.of(result, attention)


def _count(metrics: Metrics, results: Sequence[Prediction | Failure]) -> None:
    failed = sum(isinstance(result, Failure) for result in results)
    metrics.files.labels("failed").inc(failed)
    metrics.files.labels("recognized").inc(len(results) - failed)


def _described(statuses: dict[int, str]) -> dict[int | str, dict]:
    return {status: {"model": Error, "description": text} for status, text in statuses.items()}


async def _refused(request: Request, error: AnyHTTPException) -> JSONResponse:
    return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)


async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    problems = (f"{' '.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
    return JSONResponse({"error": "; ".join(problems)}, 422)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": "an error of the service; its log has the cause"}, 500)
