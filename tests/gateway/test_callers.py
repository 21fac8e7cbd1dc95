"""What each caller sees of the gateway, through a real port."""

import pytest
import pytest_asyncio

from gpu_cascade.governance import Finder, Role, Wanted, create, revoke
from gpu_cascade.types import ANONYMOUS

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPERATORS_VIEWS = ("/v1/cascade/state", "/metrics")


@pytest.fixture
def keys(tmp_path):
    """The keys by name: ann may ask the cascade only, bob everything, eve is an operator."""
    folder = tmp_path / "state"
    wanted = (
        Wanted("ann", cascades=frozenset({"cascade"})),
        Wanted("bob"),
        Wanted("eve", role=Role.OPERATOR),
    )
    return {one.name: create(folder, one)[1] for one in wanted} | {None: None}


@pytest_asyncio.fixture(loop_scope="module")
async def served(serve, keys, tmp_path):
    """A gateway where these keys are in use."""
    finder = Finder(tmp_path / "state")
    yield await serve(keys=finder)
    finder.close()


def bearer(key):
    return {} if key is None else {"Authorization": f"Bearer {key}"}


async def get(served, path, key=None):
    async with served.http.get(f"{served.url}{path}", headers=bearer(key)) as response:
        is_json = response.content_type == "application/json"
        return response.status, await (response.json() if is_json else response.text())


async def models(served, key):
    return [card["id"] for card in (await get(served, "/v1/models", key))[1]["data"]]


async def ask(served, key=None, model="cascade", **more):
    body = {"model": model, "messages": [{"role": "user", "content": "?"}], **more}
    status, _, answer = await served.post(body, **bearer(key))
    return status, answer


async def test_models_are_those_one_may_use(served, keys):
    """The list holds nothing else, and what is not for a caller is answered as what is not there."""
    everything = ["cascade", "small", "large"]

    assert ["cascade"] == await models(served, keys["ann"])
    for name in ("bob", "eve", None):
        assert everything == await models(served, keys[name])
    for model in ("small", "none"):
        told = [await ask(served, keys["ann"], model), await get(served, f"/v1/models/{model}", keys["ann"])]
        error = {"message": f"there is no model '{model}' here; known: cascade", "param": "model"}
        for status, body in told:
            assert (404, body["error"]) == (status, body["error"] | error)
    assert 200 == (await ask(served, keys["ann"]))[0]
    assert 200 == (await ask(served, keys["bob"], "small"))[0]


async def test_a_tier_is_fixed_by_who_may_ask_for_it(served, keys):
    """Who may use the cascade alone cannot have the large engine every time; a cap opens nothing."""
    status, body = await ask(served, keys["ann"], cascade={"tier": "large"})

    assert (400, "cascade.tier") == (status, body["error"]["param"])
    assert "this key may use cascade" in body["error"]["message"]
    assert 200 == (await ask(served, keys["ann"], cascade={"max_tier": "small"}))[0]
    assert "large" == (await ask(served, keys["bob"], cascade={"tier": "large"}))[1]["cascade"]["tier"]


@pytest.mark.parametrize("path", OPERATORS_VIEWS)
async def test_operators_views(served, keys, path):
    """State and metrics tell of everybody's use: users and strangers get a sentence."""
    got = {name: (await get(served, path, key))[0] for name, key in keys.items()}

    assert {"ann": 403, "bob": 403, "eve": 200, None: 403} == got


async def test_decisions_are_their_callers(served, keys):
    """Another's decision is as unknown as none at all; `user` in a body gives nobody a name."""
    _, answer = await ask(served, keys["ann"], user="bob")
    _, unnamed = await ask(served)
    path = f"/v1/cascade/decisions/{answer['id']}"

    got = {name: await get(served, path, key) for name, key in keys.items()}

    assert {"ann": 200, "bob": 404, "eve": 200, None: 404} == {name: one[0] for name, one in got.items()}
    assert "ann" == got["ann"][1]["caller"]
    assert keys["ann"][4:] not in str(got["eve"])
    unknown = (await get(served, "/v1/cascade/decisions/gc-none", keys["bob"]))[1]["error"]["message"]
    assert got["bob"][1]["error"]["message"] == unknown.replace("gc-none", answer["id"])
    assert 404 == (await get(served, f"/v1/cascade/decisions/{unnamed['id']}"))[0]
    assert ["ann", ANONYMOUS] == [event.caller for event in served.events]


async def test_a_key_is_taken_back_while_it_serves(served, keys, tmp_path):
    """The next request is refused, and a key made meanwhile is good."""
    assert 200 == (await ask(served, keys["bob"]))[0]

    revoke(tmp_path / "state", "bob")
    key = create(tmp_path / "state", Wanted("dan"))[1]

    status, answer = await ask(served, keys["bob"])
    assert (401, "authentication_error") == (status, answer["error"]["type"])
    assert 200 == (await ask(served, key))[0]


async def test_before_the_first_key(serve, tmp_path):
    """The person at the machine sees all."""
    served = await serve(keys=Finder(tmp_path / "state"))
    _, answer = await ask(served)

    for path in (*OPERATORS_VIEWS, f"/v1/cascade/decisions/{answer['id']}"):
        assert 200 == (await get(served, path))[0]


async def test_through_a_proxy_on_this_machine(served, keys):
    """What the proxy says of the client counts: no key, no entry."""
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}
    body = {"model": "cascade", "messages": [{"role": "user", "content": "?"}]}

    assert 401 == (await served.post(body, **elsewhere))[0]
    assert 200 == (await served.post(body, **elsewhere, **bearer(keys["ann"]), Host="ai.example"))[0]


async def test_a_megabyte_in_the_header(served, keys):
    """Refused by the server or by the guards; the gateway goes on."""
    headers = {"Authorization": "Bearer gck_" + "A" * (1 << 20)}
    async with served.http.get(f"{served.url}/v1/models", headers=headers) as response:
        assert response.status in {400, 401, 431}

    assert 200 == (await get(served, "/v1/models", keys["ann"]))[0]
