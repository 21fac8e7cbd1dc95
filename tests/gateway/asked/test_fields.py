"""Every field that the official client or vLLM knows is taken or refused by name; the documents say which."""

import ast
import importlib.util
import re
from pathlib import Path

import msgspec
import pytest
from openai.types import completion_create_params as completions
from openai.types.chat import completion_create_params as chats

from gpu_cascade.gateway.asked.chat import ChatBody
from gpu_cascade.gateway.asked.completion import CompletionBody
from gpu_cascade.gateway.asked.refused import CHAT, COMPLETION
from gpu_cascade.gateway.asked.wish import HEADERS, CascadeWish
from gpu_cascade.gateway.openapi import document

PAGE = Path(__file__).parents[3] / "docs" / "http.md"
BODIES = [
    pytest.param(ChatBody, CHAT, chats, ("chat_completion", "ChatCompletionRequest"), id="chat"),
    pytest.param(
        CompletionBody, COMPLETION, completions, ("completion", "CompletionRequest"), id="completion"
    ),
]


def of_the_client(module):
    """The fields of the installed SDK's type."""
    kinds = (module.CompletionCreateParamsNonStreaming, module.CompletionCreateParamsStreaming)
    return {name for kind in kinds for name in kind.__annotations__}


def of_vllm(package, name):
    """The fields of vLLM's type, read from its source: importing it costs ten seconds."""
    root = Path(importlib.util.find_spec("vllm").origin).parent
    tree = ast.parse((root / "entrypoints" / "openai" / package / "protocol.py").read_text())
    kind = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    fields = [node.target.id for node in kind.body if isinstance(node, ast.AnnAssign)]
    return {field for field in fields if not field.startswith("_")}


@pytest.mark.parametrize(("body", "refused", "client", "vllm"), BODIES)
def test_each_known_field_is_taken_or_refused(body, refused, client, vllm):
    """Never both, and none is unknown: a new release of either is noticed here."""
    taken = {*body.__struct_fields__}
    known = of_the_client(client) | of_vllm(*vllm)

    assert set() == taken & refused.keys()
    assert set() == known - taken - refused.keys()
    assert len(known) > 50


@pytest.mark.parametrize(("body", "refused", "client", "vllm"), BODIES)
def test_the_openapi_document_is_true(body, refused, client, vllm):
    """What is taken stands there, what is refused does not; nothing else is let in."""
    schema = msgspec.json.decode(document())["components"]["schemas"][body.__name__]

    assert {*body.__struct_fields__} == schema["properties"].keys()
    assert set() == refused.keys() & schema["properties"].keys()
    assert schema["additionalProperties"] is False


def test_the_openapi_document_tells_what_may_be_asked_of_the_cascade():
    """The object with its fields, and a header for each."""
    told = msgspec.json.decode(document())
    wish = told["components"]["schemas"]["CascadeWish"]
    post = told["paths"]["/v1/chat/completions"]["post"]

    fields = CascadeWish.__struct_fields__
    assert {*fields} == wish["properties"].keys()
    assert wish["additionalProperties"] is False
    assert {f"x-cascade-{name.replace('_', '-')}" for name in fields} == {
        header["name"] for header in post["parameters"]
    }


def test_the_page_about_control_names_every_field():
    """docs/control.md has a row for each, with its header."""
    page = (PAGE.parent / "control.md").read_text()

    assert [] == [name for name, header in HEADERS.items() if f"| `{name}`, `{header}` |" not in page]


def test_the_page_names_every_field():
    """docs/http.md says of each field what becomes of it."""
    named = {*re.findall(r"`([a-z_]+)`", PAGE.read_text())}
    fields = {*ChatBody.__struct_fields__, *CompletionBody.__struct_fields__, *CHAT, *COMPLETION}

    assert [] == sorted(fields - named)
