"""Common parts of the ASGI applications here: the types of the interface, the stated length of a request, short responses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")


def stated_length(scope: Scope) -> int | None:
    """Returns the number of bytes that a request states for its body; None if it does not state it."""
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else None


async def respond(
    send: Send,
    status: int,
    content: bytes,
    media_type: bytes = b"text/plain; charset=utf-8",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> None:
    """Sends a response to a request whose body was not read, and asks the client to close the connection."""
    headers = ((b"content-type", media_type), (b"connection", b"close"), *headers)
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": content})
