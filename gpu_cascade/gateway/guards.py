"""Who may talk to the gateway at all: Host, Origin, content type and key, before anything is read."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import Refused
from .http import is_http, respond_error

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # orchestrators ask these without a key


@dataclass(frozen=True, slots=True)
class Door:
    """What the gateway was told about itself. Without a key only loopback names are its own."""

    host: str
    key: str | None = None
    cors: Collection[str] = ()

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this gateway.

        A page that rebinds its own name to 127.0.0.1 sends that name here. With a key any name is let in:
        such a page does not hold the key, and behind a proxy the name is the proxy's.
        """
        name = hostname(host)
        return self.key is not None or name in LOOPBACK or name == self.host

    def knows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of that origin may call: the gateway's own pages, and those listed in `cors`."""
        return origin in self.cors or urlsplit(origin).netloc == host


class Guards:
    """ASGI middleware that refuses foreign callers with a sentence."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through or refuse it."""
        if is_http(scope):
            try:
                check(self._door, scope)
            except Refused as refused:
                await respond_error(send, refused)
                return
        await self._app(scope, receive, send)


def check(door: Door, scope: Scope) -> None:
    """Raise `Refused` for what must not come in."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get("host", "")
    if not door.knows_host(host):
        raise Refused(f"this gateway is not {host!r}; call it by a loopback name or start it with --api-key")
    origin = headers.get("origin")
    if origin is not None and not door.knows_origin(origin, host):
        raise Refused(
            f"pages of {origin!r} may not call this gateway; list it under gateway.cors if they may"
        )
    if scope["method"] == "POST" and not _is_json(headers.get("content-type", "")):
        raise Refused("the body must be application/json", status=415, kind="invalid_request_error")
    if scope["method"] != "OPTIONS" and scope["path"] not in OPEN_PATHS:
        _check_key(door, headers.get("authorization", ""))


def _check_key(door: Door, authorization: str) -> None:
    if door.key is None:
        return
    given = authorization.removeprefix("Bearer ").encode()
    if not hmac.compare_digest(given, door.key.encode()):
        raise Refused("the API key is missing or wrong", status=401, kind="authentication_error")


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def hostname(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
