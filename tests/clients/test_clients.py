"""Clients as people install them, each in its own environment, over scripted engines and over real ones."""

import functools
import json
import sys
from pathlib import Path

import pytest

from .served import SAID, real, scripted

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts" / "long"))
from clients import client

pytestmark = pytest.mark.timeout(900)  # the first run installs

PROGRAMS = Path(__file__).parent / "programs"
CHATS = ("openai", "langchain", "litellm", "llamaindex", "ai-sdk")
RAISED = {
    "openai": ("NotFoundError", "BadRequestError"),
    "langchain": ("OpenAIModelNotFoundError", "OpenAIInvalidRequestError"),
    "litellm": ("NotFoundError", "BadRequestError"),
    "llamaindex": ("NotFoundError", "BadRequestError"),
    "instructor": ("InstructorRetryException", "InstructorRetryException"),
    "ai-sdk": ("AI_APICallError", "AI_APICallError"),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("scripted", marks=pytest.mark.scripted),
        pytest.param("real", marks=pytest.mark.engine),
    ],
)
def served(request, tmp_path_factory):
    """The gateway, what it says to both questions (None: what a model likes to), and which engines say it."""
    start, *expected = {
        "scripted": (scripted, SAID, ["small", "large"]),
        "real": (real, None, ["large", "large"]),
    }[request.param]
    serve = start(tmp_path_factory.mktemp("clients"))
    yield serve, *expected
    serve.stop()


@pytest.fixture(scope="module")
def told(served):
    """What a client tells after it has done everything; each is asked once."""
    gateway = f"{served[0].url}/v1"

    @functools.cache
    def ask(name):
        language, ending = ("js", "mjs") if name == "ai-sdk" else ("python", "py")
        program = PROGRAMS / f"ask_{name.replace('-', '_')}.{ending}"
        environ = {"GATEWAY": gateway, "MODEL": "cascade", "PYTHONPATH": str(PROGRAMS)}
        ended = client(name).run(language, program.read_text(), timeout_s=600, **environ)
        assert 0 == ended.returncode, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    return ask


@pytest.mark.parametrize("name", CHATS)
def test_whole_and_streamed_answers_are_the_same(served, told, name):
    """From a kept draft, and live from the large engine."""
    _, said, _ = served
    found = told(name)

    assert found["whole"] == found["streamed"]
    assert all(found["whole"])
    assert found["whole"] == (said or found["whole"])


@pytest.mark.parametrize("name", RAISED)
def test_a_client_sees_who_answered(served, told, name):
    """In the `cascade` object, or in the headers where the client lets nothing else through."""
    _, _, tiers = served
    found = told(name)["tiers"]

    assert tiers[: len(found)] == found


@pytest.mark.parametrize("name", RAISED)
def test_refusals_are_the_clients_own_exceptions(told, name):
    """An unknown model is 404, a parameter that is not taken 400; the sentence with the cure arrives."""
    unknown, refused = told(name)["unknown_model"], told(name)["refused"]

    assert (RAISED[name][0], 404) == (unknown["raised"], unknown["status"])
    assert "there is no model 'nobody' here; known: cascade, small, large" in unknown["sentence"]
    assert (RAISED[name][1], 400) == (refused["raised"], refused["status"])
    assert "verbosity is not taken: say in a message how long" in refused["sentence"]


@pytest.mark.parametrize("name", CHATS)
def test_a_tool_is_called(told, name):
    """The client reads name and arguments of a call that it demanded."""
    tool, arguments = told(name)["call"]

    assert "weather" == tool
    assert "Oslo" in arguments["city"]


@pytest.mark.parametrize("name", RAISED)
def test_structured_output(told, name):
    """The client's own schema comes back filled."""
    check_person(told(name)["person"])


def test_instructor_in_its_other_ways(told):
    """By `response_format` instead of a forced tool, and in pieces as they come."""
    found = told("instructor")

    check_person(found["by_schema"])
    check_person(found["in_pieces"])


def test_the_official_client_by_asyncio_and_with_headers(told):
    """The same text; the headers name the same engines as the bodies."""
    found = told("openai")

    assert found["whole"] == found["by_asyncio"]
    assert found["tiers"] == found["headers"]


def check_person(person):
    assert {"name", "age"} == person.keys()
    assert "Ann" in person["name"]
    assert isinstance(person["age"], int)
