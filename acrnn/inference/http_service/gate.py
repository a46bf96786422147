"""Admission of requests to the HTTP service: key, number, size and time, checked before the body of a request is read."""

from __future__ import annotations

import asyncio
import json

from acrnn.inference.asgi import App, Message, Receive, Scope, Send, respond, stated_length
from acrnn.inference.http_service import api_key
from acrnn.inference.http_service.limits import Limits

PREDICT = "/v1/predict"
RETRY_AFTER_SECONDS = 2
OPEN_TO_ALL = ("/healthz", "/openapi.json")  # without the key

_Refusal = tuple[int, str, tuple[tuple[bytes, bytes], ...]]


class Gate:
    """An ASGI application that refuses requests beyond the limits or without the key, and hands all others to another one.

    Args:
        app: the other application.
        limits: limits of the requests for predictions.
        key: key that a client must send; None takes every client.
    """

    def __init__(self, app: App, limits: Limits, key: str | None = None):
        self.app, self.limits, self.key = app, limits, key
        self.open_predictions = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif refusal := self._refusal(scope):
            await _refuse(send, *refusal)
        elif _predicts(scope):
            await self._in_time(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> _Refusal | None:
        """Returns status, message and headers for a request that is refused; None for others."""
        authorization = dict(scope["headers"]).get(b"authorization", b"")
        if self.key and scope["path"] not in OPEN_TO_ALL and not api_key.is_sent(self.key, authorization):
            message = "the key is missing or wrong; send it in the header Authorization: Bearer KEY"
            return 401, message, ((b"www-authenticate", b"Bearer"),)
        if not _predicts(scope):
            return None
        if (size := stated_length(scope)) is None:
            return 411, "an upload must state its length", ()
        if size > self.limits.upload_mb * 10**6:
            message = (
                f"the request has {size / 10**6:.1f} MB, the limit is {self.limits.upload_mb} MB; send fewer files"
            )
            return 413, message, ()
        if self.open_predictions >= self.limits.requests:
            message = "too many requests at the same time; try again later"
            return 503, message, ((b"retry-after", str(RETRY_AFTER_SECONDS).encode()),)
        return None

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        self.open_predictions += 1
        try:
            await asyncio.wait_for(self.app(scope, receive, noted), self.limits.request_seconds)
        except asyncio.TimeoutError:
            if not has_begun:
                message = f"the request took more than {self.limits.request_seconds} s; send fewer or shorter files"
                await _refuse(send, 504, message)
        finally:
            self.open_predictions -= 1


def _predicts(scope: Scope) -> bool:
    return scope["path"] == PREDICT and scope["method"] == "POST"


async def _refuse(send: Send, status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    await respond(send, status, json.dumps({"error": message}).encode(), b"application/json", headers)
