"""The gateway's routes. Everything they need is handed in; nothing is made here."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import CascadeError, UnknownModel
from ..traces import record_json
from . import shape
from .chat import chat_completions
from .completions import completions
from .guards import Guards, caller_of, operators_only
from .http import is_http
from .openapi import document
from .parts import Parts


class Front:
    """The ASGI application: what answers is reached at once, all else by Starlette's router.

    Router, error handlers and their wrappers of `send` cost as much as reading the body, and an endpoint that
    answers tells of its failures itself. Both ways have the same guards before them.
    """

    def __init__(self, rest: Starlette, answering: Mapping[str, ASGIApp]) -> None:
        self.routes = rest.routes
        self._rest, self._answering = rest, answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or an event of the server's."""
        app: ASGIApp | None = None
        if is_http(scope) and scope["method"] == "POST":
            app = self._answering.get(scope["path"])
        await (app or self._rest)(scope, receive, send)


def build(parts: Parts) -> Front:
    """The ASGI application."""
    views = _Views(parts)
    middleware = [Middleware(Guards, door=parts.door)]
    if parts.door.cors:
        middleware.append(_cors(list(parts.door.cors)))
    answering = {
        "/v1/chat/completions": chat_completions(parts),
        "/v1/completions": completions(parts),
    }
    rest = Starlette(
        routes=[
            *(Route(path, endpoint, methods=["POST"]) for path, endpoint in answering.items()),
            Route("/openapi.json", views.openapi),
            Route("/v1/models", views.models),
            Route("/v1/models/{id:path}", views.model),
            Route("/v1/cascade/state", views.state),
            Route("/v1/cascade/decisions/{id}", views.decision),
            Route("/healthz", views.alive),
            Route("/readyz", views.ready),
            Route("/metrics", views.metrics),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _not_found, CascadeError: _refused},
    )
    return Front(rest, {path: _behind(middleware, endpoint) for path, endpoint in answering.items()})


def _behind(middleware: Sequence[Middleware], app: ASGIApp) -> ASGIApp:
    """The application behind these, the first outermost, as Starlette puts them."""
    for cls, args, kwargs in reversed(middleware):
        app = cls(app, *args, **kwargs)
    return app


def _cors(origins: list[str]) -> Middleware:
    exposed = [f"x-cascade-{name}" for name in shape.HEADERS]
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=exposed,
    )


class _Views:
    """The small answers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._created = int(time.time())

    async def models(self, http: HttpRequest) -> Response:
        """What a client may put in `model`: cascades first."""
        names = self._parts.names(caller_of(http.scope))
        return _json({"object": "list", "data": [self._card(name) for name in names]})

    async def model(self, http: HttpRequest) -> Response:
        """One of them."""
        name = http.path_params["id"]
        self._parts.model(name, caller_of(http.scope))
        return _json(self._card(name))

    async def openapi(self, _: HttpRequest) -> Response:
        """What may be asked."""
        return Response(document(), media_type="application/json")

    async def state(self, http: HttpRequest) -> Response:
        """Engines, queues, store."""
        operators_only(http.scope)
        return _json(await self._parts.state())

    async def decision(self, http: HttpRequest) -> Response:
        """One decision record."""
        record = await self._parts.decision(http.path_params["id"])
        if record is None or not caller_of(http.scope).may_read(record.caller):
            raise UnknownModel(f"there is no decision {http.path_params['id']!r} in the store")
        return _json(record_json(record))

    async def alive(self, _: HttpRequest) -> Response:
        """The process answers."""
        return _json({"status": "alive"})

    async def ready(self, _: HttpRequest) -> Response:
        """Every tier that must answer can."""
        missing = self._parts.missing()
        return _json({"ready": not missing, "missing": missing}, 503 if missing else 200)

    async def metrics(self, http: HttpRequest) -> Response:
        """Prometheus text."""
        operators_only(http.scope)
        body, content_type = await self._parts.metrics()
        return Response(body, media_type=content_type)

    def _card(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": "gpu-cascade"}


async def _not_found(http: HttpRequest, error: Exception) -> Response:
    """Starlette's 404 and 405 in OpenAI's shape."""
    assert isinstance(error, HTTPException)
    failure = UnknownModel(f"{http.method} {http.url.path}: {error.detail}")
    return _json(shape.error_body(failure), error.status_code)


async def _refused(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, CascadeError)
    return _json(shape.error_body(error), error.status)


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
