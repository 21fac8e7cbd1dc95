"""Who the guards let in, and as whom."""

import json
import logging

import pytest

from gpu_cascade.errors import Refused
from gpu_cascade.gateway.guards import CALLER, Door, Guards, caller_of, operators_only
from gpu_cascade.governance import OPERATOR, PUBLIC, Finder, Role, Wanted, create, revoke

NEAR, FAR = ("127.0.0.1", 50000), ("203.0.113.7", 50000)


@pytest.fixture
def keys(tmp_path):
    """No key yet."""
    finder = Finder(tmp_path)
    yield finder
    finder.close()


@pytest.fixture
def ann(tmp_path):
    """A user's key."""
    return create(tmp_path, Wanted("ann", frozenset({"hr"}), cascades=frozenset({"policy-qa"})))[1]


async def ask(door, key=None, *, client=NEAR, host="127.0.0.1:8000", path="/v1/models", **headers):
    """One request past the guards: status, and the caller or the error."""
    given = {"host": host, **headers}
    if key is not None:
        given["authorization"] = key if isinstance(key, bytes) else f"Bearer {key}".encode()
    raw = [(k.encode(), v if isinstance(v, bytes) else v.encode("latin-1")) for k, v in given.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": raw, "client": client}
    sent = []

    async def app(scope, receive, send):
        sent.append(scope[CALLER])

    async def send(message):
        sent.append(message)

    await Guards(app, door)(scope, None, send)
    if isinstance(sent[0], dict):
        return sent[0]["status"], json.loads(sent[1]["body"])["error"]
    return 200, sent[0]


async def test_the_person_at_the_machine(keys):
    """While no key was ever made, loopback sees all; the word that SDKs must send is no key."""
    door = Door("127.0.0.1", keys=keys)

    assert (200, OPERATOR) == await ask(door)
    assert (200, OPERATOR) == await ask(door, "none")
    assert (200, OPERATOR) == await ask(door, "", client=("::1", 1), host="[::1]")


async def test_keys_are_in_use(keys, ann, tmp_path):
    """From the first key on, who has none is a stranger on loopback too, even after it is revoked."""
    door = Door("127.0.0.1", keys=keys)

    status, caller = await ask(door, ann)
    assert (200, "ann", {"hr"}, Role.USER) == (status, caller.name, caller.groups, caller.role)
    assert (200, PUBLIC) == await ask(door)
    revoke(tmp_path, "ann")
    assert (200, PUBLIC) == await ask(door)


@pytest.mark.parametrize("client", [FAR, None, ("unknown", 0)])
async def test_from_elsewhere_a_key_is_needed(keys, ann, client):
    """Through a proxy on this machine, too: what it says of the client counts."""
    door = Door("127.0.0.1", keys=keys)

    assert 401 == (await ask(door, client=client))[0]
    assert 200 == (await ask(door, ann, client=client))[0]


@pytest.mark.parametrize("door", [{"required": True}, {"key": "s3cret"}, {"host": "0.0.0.0"}, {"host": "ai"}])
async def test_where_everybody_needs_a_key(keys, ann, door):
    """`required`, a static key, an address beyond loopback: none of them lets in who has none."""
    door = Door(**{"host": "127.0.0.1", "keys": keys, **door})

    for wrong in (None, "", "none", "s3cre", "s3crett", b"Basic s3cret", b"s3cret", b"Bearer"):
        assert 401 == (await ask(door, wrong, host="ai.example"))[0], wrong
    assert "ann" == (await ask(door, ann, host="ai.example"))[1].name
    for path in ("/healthz", "/readyz"):
        assert (200, PUBLIC) == await ask(door, path=path, host="10.0.0.7:8000")


async def test_the_static_key_is_an_operators(keys, ann):
    """Beside created ones; the scheme's letters do not matter, and it need not be ASCII."""
    door = Door("127.0.0.1", "ключ", keys=keys)

    assert (200, OPERATOR) == await ask(door, b"bearer " + "ключ".encode())
    assert "ann" == (await ask(door, ann))[1].name


async def test_an_empty_static_key_opens_nothing(keys):
    """An empty variable is not the key of who sends nothing."""
    assert 401 == (await ask(Door("127.0.0.1", "", keys=keys)))[0]


async def test_wrong_and_revoked_keys_look_alike(keys, ann, tmp_path, caplog):
    """One answer for all, in OpenAI's shape; nothing of the key in it or in a log."""
    caplog.set_level(logging.DEBUG)
    revoke(tmp_path, "ann")
    for door in (Door("127.0.0.1", keys=keys), Door("127.0.0.1", keys=keys, required=True)):
        told = [
            await ask(door, key)
            for key in (ann, "gck_" + "A" * 43, "gck_", "gck_" + "A" * (1 << 20), "gck_ключ")
        ]

        assert 1 == len({json.dumps(one) for one in told})
        status, error = told[0]
        assert (401, "authentication_error", "gateway") == (status, error["type"], error["source"])
        assert "gck_" not in error["message"] + caplog.text


async def test_a_page_that_rebinds_its_name(keys, ann):
    """Without a key it is refused by its Host; with one any name is let in, as behind a proxy."""
    door = Door("127.0.0.1", keys=keys)

    assert 403 == (await ask(door, host="evil.example:8000"))[0]
    assert 403 == (await ask(door, "gck_" + "A" * 43, host="evil.example:8000"))[0]
    assert 200 == (await ask(door, ann, host="ai.example"))[0]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "", "http://127.0.0.1"])
async def test_foreign_pages(keys, ann, origin):
    """A key does not open the door to a page that was not listed, however its origin is written."""
    for key in (None, ann):
        assert 403 == (await ask(Door("127.0.0.1", keys=keys), key, origin=origin))[0]


async def test_files_that_cannot_be_used(keys, ann, tmp_path):
    """Nobody comes in, with or without a key, and nothing tells the client why; liveness goes on."""
    (tmp_path / "keys.secret").chmod(0o644)
    door = Door("127.0.0.1", keys=keys)
    for key in (None, ann):
        status, error = await ask(door, key)
        assert (503, "service_unavailable") == (status, error["type"])
        assert str(tmp_path) not in error["message"]
    assert 200 == (await ask(door, path="/healthz"))[0]


async def test_the_view_of_operators(keys, ann):
    """Others are told how one comes by it; a scope that no guard has seen is nobody's."""
    operators_only({CALLER: OPERATOR})
    for caller in (PUBLIC, keys.find(ann.encode())):
        with pytest.raises(Refused, match="--role operator") as refused:
            operators_only({CALLER: caller})
        assert 403 == refused.value.status
    with pytest.raises(KeyError):
        caller_of({})
