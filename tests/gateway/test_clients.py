"""Clients without a package of their own: curl, and a chat page's way of calling."""

import asyncio
import json

import pytest

from gpu_cascade.engines.fake import Fake, Line

from .conftest import DRAFT

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG = Line(text="word " * 500, logprob=-2.0, token_s=0.01)


async def test_curl_sees_a_stream_as_it_comes(serve):
    """`curl -N` prints server-sent events that end with [DONE]."""
    served = await serve()
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}], "stream": True}
    argv = ["-sN", f"{served.url}/v1/chat/completions", "-H", "content-type: application/json"]

    process = await asyncio.create_subprocess_exec(
        "curl", *argv, "-d", json.dumps(body), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    lines = [line for line in output.decode().split("\n\n") if line]
    assert all(line.startswith("data: ") for line in lines)
    assert "data: [DONE]" == lines[-1]
    assert DRAFT.text in output.decode()


async def test_a_chat_page(serve):
    """As Open WebUI does it: list the models with a bearer token, stream an answer, stop in the middle."""
    large = Fake("large", LONG)
    served = await serve(small=Line(text="Perhaps.", logprob=-2.0), large=large, key="s3cret")
    headers = {"Authorization": "Bearer s3cret", "Content-Type": "application/json"}

    async with served.http.get(f"{served.url}/v1/models", headers=headers) as response:
        model = (await response.json())["data"][0]["id"]
    body = {
        "model": model,
        "messages": [{"role": "user", "content": "?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    async with served.http.post(f"{served.url}/v1/chat/completions", headers=headers, json=body) as response:
        assert 200 == response.status
        while b"word" not in await response.content.readline():
            pass
        assert 1 == large.running
        response.close()

    async with asyncio.timeout(1):
        while large.running:
            await asyncio.sleep(0.001)
