"""Who may talk to the gateway, and as whom: Host, Origin, content type and key, before anything is read."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import CascadeError, Refused
from ..governance import OPERATOR, PREFIX, PUBLIC, Caller, Finder
from .http import is_http, respond_error

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
OPEN_PATHS = frozenset({"/healthz", "/readyz"})  # orchestrators ask these without a key
CALLER = "gpu_cascade.caller"  # in the ASGI scope


@dataclass(frozen=True, slots=True)
class Door:
    """What the gateway was told about itself.

    `key` is the one static key, an operator's; `keys` finds the holders of created ones. With `required`,
    with a static key, and beyond loopback nobody comes in without a key.
    """

    host: str
    key: str | None = None
    cors: Collection[str] = ()
    keys: Finder | None = None
    required: bool = False

    @property
    def needs_key(self) -> bool:
        """Whether nobody comes in without one."""
        return self.required or self.key is not None or self.host not in LOOPBACK

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this gateway, for a request without a key.

        A page that rebinds its own name to 127.0.0.1 sends that name here. Where a key is needed, and where
        one was given, any name is let in: such a page does not hold it, and behind a proxy the name is the
        proxy's.
        """
        name = hostname(host)
        return self.needs_key or name in LOOPBACK or name == self.host

    def knows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of that origin may call: the gateway's own pages, and those listed in `cors`."""
        return origin in self.cors or origin.partition("://")[2] == host

    def holder(self, key: bytes) -> Caller | None:
        """Whose key it is; None for no key, a wrong one and a revoked one."""
        if self.key and hmac.compare_digest(key, self.key.encode()):
            return OPERATOR
        return self.keys.find(key) if self.keys else None

    def keyless(self) -> Caller:
        """Who comes in without a key: the person at the machine, until the first key is made.

        From then on others use it too, and what they asked is theirs.
        """
        return PUBLIC if self.keys and self.keys.made() else OPERATOR


class Guards:
    """ASGI middleware that refuses foreign callers with a sentence, and writes the others into the scope."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it through or refuse it."""
        if is_http(scope):
            try:
                scope[CALLER] = admitted(self._door, scope)
            except CascadeError as error:
                await respond_error(send, error)
                return
        await self._app(scope, receive, send)


def caller_of(scope: Scope) -> Caller:
    """Who asks, as the guards found out."""
    caller = scope[CALLER]
    assert isinstance(caller, Caller)
    return caller


def operators_only(scope: Scope) -> None:
    """Raise `Refused` for everybody else."""
    if not caller_of(scope).is_operator:
        raise Refused(
            "only an operator's key opens this (gpu-cascade keys create --role operator); commands read it "
            "from GPU_CASCADE_API_KEY"
        )


def admitted(door: Door, scope: Scope) -> Caller:
    """Who asks. Raises `Refused` for what must not come in, `Unavailable` where keys cannot be checked."""
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"").decode("latin-1")
    key = _bearer(headers.get(b"authorization", b""))
    is_open = scope["method"] == "OPTIONS" or scope["path"] in OPEN_PATHS
    holder = None if is_open else door.holder(key)
    if holder is None and not door.knows_host(host):
        raise Refused(f"this gateway is not {host!r}; call it by a loopback name, or with a key")
    _check_page(door, headers, host)
    if scope["method"] == "POST" and not _is_json(headers.get(b"content-type", b"")):
        raise Refused("the body must be application/json", status=415, kind="invalid_request_error")
    if is_open:
        return PUBLIC
    return holder or _without_key(door, scope, key)


def _check_page(door: Door, headers: dict[bytes, bytes], host: str) -> None:
    origin = headers.get(b"origin")
    if origin is not None and not door.knows_origin(page := origin.decode("latin-1"), host):
        raise Refused(f"pages of {page!r} may not call this gateway; list it under gateway.cors if they may")


def _without_key(door: Door, scope: Scope, given: bytes) -> Caller:
    """The caller, where none is needed.

    SDKs must send some key, so another word than a key of ours counts as none. A revoked key does not: it
    would open what a stranger sees.
    """
    if door.needs_key or given.startswith(PREFIX.encode()) or not _is_near(scope):
        raise Refused("the API key is missing or wrong", status=401, kind="authentication_error")
    return door.keyless()


def _is_near(scope: Scope) -> bool:
    """Whether the client is on this machine. Where a proxy here names the real one, uvicorn believes it."""
    client = scope.get("client")
    return client is not None and _is_loopback(client[0])


@lru_cache(32)
def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _bearer(authorization: bytes) -> bytes:
    """The key in an Authorization header, empty where there is none."""
    scheme, _, key = authorization.partition(b" ")
    return key.strip() if scheme.lower() == b"bearer" else b""


def _is_json(content_type: bytes) -> bool:
    return content_type.partition(b";")[0].strip().lower() == b"application/json"


@lru_cache(32)  # clients call it by few names
def hostname(host: str) -> str:
    """The name in a Host header, without port and brackets."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
