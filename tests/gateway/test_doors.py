"""What the gateway lets in, and its small answers."""

import io
import json
import re

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

BODY = {"model": "cascade", "messages": [{"role": "user", "content": "?"}]}


async def get(served, path, **headers):
    async with served.http.get(f"{served.url}{path}", headers=headers) as response:
        body = await (response.json() if response.content_type == "application/json" else response.text())
        return response.status, body


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example:8000"}, 403),
        ({"Host": "localhost:1234"}, 200),
        ({"Host": "[::1]"}, 200),
        ({"Host": "[::"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://chat.example"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
async def test_foreign_callers_are_refused(serve, headers, status):
    """DNS rebinding, cross-site posts and other pages get a sentence and nothing else."""
    served = await serve(cors=["https://chat.example"])

    got, _, answer = await served.post(BODY, **headers)

    assert status == got
    assert ("error" in answer) == (status != 200)


async def test_a_page_of_the_gateways_own_may_call(serve):
    """An Origin that is the Host itself is not foreign."""
    served = await serve()

    status, _, _ = await served.post(BODY, Origin=served.url)

    assert 200 == status


async def test_listed_pages_get_cors_headers(serve):
    """A preflight of a listed page is answered."""
    served = await serve(cors=["https://chat.example"])
    headers = {
        "Origin": "https://chat.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    async with served.http.options(f"{served.url}/v1/chat/completions", headers=headers) as response:
        assert 200 == response.status
        assert "https://chat.example" == response.headers["access-control-allow-origin"]


async def test_a_key_is_asked_for_where_one_is_set(serve):
    """Wrong and missing keys are 401; liveness and readiness need none; any Host is let in."""
    served = await serve(key="s3cret")

    assert 401 == (await served.post(BODY))[0]
    assert 401 == (await served.post(BODY, Authorization="Bearer wrong"))[0]
    assert 401 == (await get(served, "/v1/models"))[0]
    assert 200 == (await get(served, "/healthz"))[0]
    assert 200 == (await served.post(BODY, Authorization="Bearer s3cret", Host="ai.example"))[0]
    assert "cascade" == (await served.ask()).model


async def test_models(serve):
    """Cascades and engines, as a list and one by one."""
    served = await serve()

    listed = [model.id async for model in await served.client.models.list()]

    assert ["cascade", "small", "large"] == listed
    assert "small" == (await served.client.models.retrieve("small")).id
    assert 404 == (await get(served, "/v1/models/none"))[0]


async def test_alive_and_ready(serve):
    """Alive as long as it answers; ready only while nothing is missing."""
    served = await serve()

    assert (200, {"ready": True, "missing": []}) == await get(served, "/readyz")
    served.missing.append("large: booting")
    assert (503, {"ready": False, "missing": ["large: booting"]}) == await get(served, "/readyz")
    assert 200 == (await get(served, "/healthz"))[0]


async def test_unknown_paths_and_methods_are_openai_shaped(serve):
    """No HTML and no bare text for what is not there."""
    served = await serve()

    status, body = await get(served, "/v1/nothing")
    assert (404, "gateway") == (status, body["error"]["source"])
    status, body = await get(served, "/v1/chat/completions")
    assert (405, "gateway") == (status, body["error"]["source"])
    status, body = await get(served, "/v1/cascade/decisions/gc-none")
    assert (404, "gateway") == (status, body["error"]["source"])


async def test_metrics_are_served(serve):
    """The scrape endpoint gives what the registry renders."""
    served = await serve()

    assert (200, "up 1\n") == await get(served, "/metrics")


async def test_bodies_that_are_no_json_object(serve):
    """Broken JSON, a list, and nothing at all are each one sentence."""
    served = await serve()
    for data in (b"{", b"[]", b"", b"\xff"):
        headers = {"content-type": "application/json"}
        url = f"{served.url}/v1/chat/completions"
        async with served.http.post(url, data=data, headers=headers) as response:
            assert 400 == response.status
            assert "JSON" in (await response.json())["error"]["message"]


async def test_a_body_beyond_the_limit(serve):
    """16 MiB are enough for any conversation."""
    served = await serve()

    data, headers = io.BytesIO(b"x" * (17 << 20)), {"content-type": "application/json"}
    async with served.http.post(f"{served.url}/v1/chat/completions", data=data, headers=headers) as response:
        assert 413 == response.status
        assert "16 MiB" in (await response.json())["error"]["message"]


async def test_the_openapi_document(serve):
    """It names every path that answers, and each reference in it leads somewhere."""
    served = await serve()

    status, document = await get(served, "/openapi.json")

    assert 200 == status
    paths = {route.path.replace(":path", "") for route in served.routes} - {"/openapi.json"}
    assert paths == document["paths"].keys()
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert set() == named - document["components"]["schemas"].keys()
