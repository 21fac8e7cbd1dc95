"""The scripted engine as a process that speaks vLLM's HTTP: `python -m gpu_cascade.engines.fake_server`.

It boots in under a second, so supervision, sockets and broken connections are tried with real processes.
"""

import argparse
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ..types import Delta, Request
from .base import Answerer
from .fake import DEFAULT_SCRIPT, Fake, Fault, Line
from .fake_sleep import Calls, Drowsy, boot, reply, told
from .fake_vram import Memory, Sizes, Vram
from .fake_wire import chunk, ending, event, refused, request_of, usage, whole


def app(name: str, lines: tuple[Line, ...], memory: Memory | None = None) -> Starlette:
    """The routes that `openai_http` and the supervisor use; with `memory` those of `sleep` as well."""
    fake = Fake(name, *(msgspec.structs.replace(line, fault=_inside(line)) for line in lines))
    scripted = Fake(name, *lines)
    calls = Calls(Drowsy(fake, memory)) if memory else None
    engine = calls.engine if calls else fake

    async def completions(http: HttpRequest) -> Response:
        body = msgspec.json.decode(await http.body())
        request = request_of(body)
        fault = scripted.line_for(request.messages[-1].get("content")).fault
        if (refusal := refused(fault, request)) is not None:
            return reply(*refusal)
        if body.get("stream"):
            return StreamingResponse(_events(engine, request, fault), media_type="text/event-stream")
        # Streamed, though it is one piece: only then does Starlette stop the work when the client leaves.
        return StreamingResponse(_whole(engine, request, fault), media_type="application/json")

    async def health(_: HttpRequest) -> Response:
        return PlainTextResponse("")

    async def models(_: HttpRequest) -> Response:
        return reply({"object": "list", "data": [{"id": name, "object": "model"}]})

    async def metrics(_: HttpRequest) -> Response:
        labels = 'block_size="16",num_gpu_blocks="1024"'
        running, waiting = engine.running, 0  # those that wait for its wake are not counted: nor does vLLM
        lines = [
            f"vllm:cache_config_info{{{labels}}} 1.0",
            f"vllm:num_requests_running {running}.0",
            f"vllm:num_requests_waiting {waiting}.0",
            f'vllm:kv_cache_usage_perc{{engine="0"}} {min(1.0, running / 8)}',
            'vllm:num_preemptions_total{engine="0"} 0.0',
            f"fake:most_running {fake.most}",
        ]
        return PlainTextResponse("\n".join([*lines, ""]))

    async def version(_: HttpRequest) -> Response:
        return reply({"version": "fake"})

    return Starlette(
        lifespan=calls.lifespan if calls else None,
        routes=[
            Route("/v1/chat/completions", completions, methods=["POST"]),
            Route("/v1/completions", completions, methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
            Route("/metrics", metrics),
            Route("/version", version),
            *(calls.routes() if calls else []),
        ],
        exception_handlers={Exception: told},
    )


def _inside(line: Line) -> Fault | None:
    """The faults that the in-process fake acts out itself; the others are acted out on the wire here."""
    return line.fault if line.fault in {Fault.HANG, Fault.NO_LOGPROBS, Fault.BLANKS} else None


async def _whole(engine: Answerer, request: Request, fault: Fault | None) -> AsyncIterator[bytes]:
    final = await engine.answer(request)
    if fault is Fault.CUT:
        os._exit(1)  # an engine that dies while it answers
    yield msgspec.json.encode(whole(final, request, _reason(fault)))


async def _events(engine: Answerer, request: Request, fault: Fault | None) -> AsyncIterator[bytes]:
    async for piece in engine.stream(request):
        if isinstance(piece, Delta):
            yield event(chunk(piece, request))
            if fault is Fault.CUT:
                os._exit(1)
        else:
            yield event(ending(piece, request, _reason(fault)))
            yield event({"choices": [], "usage": usage(piece)})
    yield b"data: [DONE]\n\n"


def _reason(fault: Fault | None) -> str | None:
    return "abort" if fault is Fault.ABORT else None


def read_script(path: Path | None) -> tuple[Line, ...]:
    """A script: a JSON list of lines."""
    if path is None:
        return DEFAULT_SCRIPT
    return tuple(msgspec.json.decode(path.read_bytes(), type=list[Line]))


def read_sizes(text: str) -> Sizes:
    """What an engine takes, from JSON."""
    return msgspec.json.decode(text, type=Sizes)


def main() -> None:
    """Serve one scripted engine on a Unix socket."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--uds", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--script", type=Path)
    parser.add_argument(
        "--vram", nargs=2, metavar=("FILE", "SIZES"), help="of fake_vram: Vram, Sizes as JSON"
    )
    args = parser.parse_args()
    memory = boot(Vram(Path(args.vram[0])), read_sizes(args.vram[1])) if args.vram else None
    uvicorn.run(app(args.name, read_script(args.script), memory), uds=args.uds, log_level="warning")


if __name__ == "__main__":
    main()
