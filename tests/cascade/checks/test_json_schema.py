"""Which drafts a schema accepts, and which schemas are accepted."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.cascade.checks.json_schema import DRAFT, compiled, look
from gpu_cascade.errors import ConfigError

from .texts import ANY_MARKUP, draft, hostile, request

ASK = request("As JSON, please.")
TICKET = {
    "$schema": DRAFT,
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "day": {"type": "string", "format": "date"},
        "next": {"$ref": "#"},
        "name": {"$ref": "#/$defs/name"},
    },
    "$defs": {"name": {"type": "string", "pattern": r"^(\w+\s?)*$"}},
}


def score(text, schema=None):
    return look(ASK, draft(text), schema=compiled(TICKET if schema is None else schema))[0]


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ('{"id": 7}', "valid"),
        ('\n{"id": 7, "next": {"id": 8}}\n', "valid"),
        ('Here:\n```json\n{"id": 7}\n```\nDone.', "valid"),
        ('{"id": 7, "day": "not a date"}', "valid"),
        ("{}", "not valid: breaks required"),
        ('{"id": 0}', "not valid: breaks properties/id/minimum"),
        ('{"id": 7, "x": 1}', "not valid: breaks additionalProperties"),
        ("[7]", "not valid: breaks type"),
        ('{"id": 7', "not JSON"),
        ('{"id": NaN}', "not JSON"),
        ('Here: {"id": 7}', "not JSON"),
        ("{'id': 7}", "not JSON"),
        ('```\n{"id": 7}\n```\n```\n{"id": 8}\n```', "not JSON"),
        ("", "not JSON"),
        ('{"id": 7}\0', "not JSON"),
        ('"\ud800"', "not JSON"),
    ],
)
def test_a_schema_accepts_or_says_which_rule_is_broken(text, evidence):
    """The draft or its one code block is parsed strictly; formats are not asserted."""
    assert (float(evidence == "valid"), evidence) == look(ASK, draft(text), schema=compiled(TICKET))


def test_bottomless_json_is_unknown():
    """What the parser cannot get to the end of is neither valid nor invalid."""
    assert (None, "nested deeper than the parser goes") == look(
        ASK, draft("[" * 100_000), schema=compiled({})
    )


def test_deep_json_under_a_schema_that_refers_to_itself_is_checked():
    """The checker goes as deep as the parser."""
    nested = '{"id": 1, "next": ' * 400 + '{"id": 1}' + "}" * 400

    assert 1.0 == score(nested)
    assert 0.0 == score(nested.replace('{"id": 1}', '{"id": 0}'))


def test_a_catastrophic_pattern_takes_linear_time():
    """A pattern that stalls others for years says no at once, in a value and in a key."""
    bomb = "word " * 10_000 + "!"
    schema = {"patternProperties": {r"^(\w+\s?)*$": False}, "unevaluatedProperties": False}

    assert 0.0 == score(msgspec.json.encode({"id": 7, "name": bomb}).decode())
    assert 0.0 == score(msgspec.json.encode({bomb: 1}).decode(), schema)


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "objekt"}, "not a usable JSON schema"),
        ([], "not a usable JSON schema"),
        ("object", "not a usable JSON schema"),
        ({"pattern": "("}, "not a usable JSON schema"),
        ({"pattern": "(?<=a)b"}, "not a usable JSON schema"),
        ({"$ref": "#/$defs/gone"}, "not a usable JSON schema"),
        ({"$ref": "http://127.0.0.1:9/x.json"}, "lies outside of the schema; put it under $defs"),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "lies outside of the schema"),
        ({"$ref": "other.json"}, "not a usable JSON schema"),
        ({"$schema": []}, f"$schema must be {DRAFT} or left out"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, f"$schema must be {DRAFT} or left out"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_at_the_start(schema, told):
    """Nothing is fetched, and nothing turns out to be wrong when the first draft comes."""
    with pytest.raises(ConfigError) as caught:
        compiled(schema)

    assert caught.value.message.startswith("checks.json_schema.schema: ")
    assert told in caught.value.message
    assert "\n" not in caught.value.message


SCHEMAS = [
    True,
    {"multipleOf": 0.01},
    {"uniqueItems": True, "items": {"type": "number"}},
    {"contains": {"const": 1}},
    TICKET,
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from(SCHEMAS))
def test_any_json_has_a_score(value, schema):
    """Whatever JSON holds, nothing is raised."""
    assert score(msgspec.json.encode(value).decode(), schema) in {0.0, 1.0}


@given(ANY_MARKUP)
def test_any_text_has_a_score(text):
    """Whatever a model calls JSON, nothing is raised."""
    assert score(text) in {0.0, 1.0}


@pytest.mark.parametrize("text", hostile(100_000).values(), ids=hostile(1))
def test_hostile_texts_have_a_score(text):
    """Long, deep and unreadable texts too."""
    assert score(text) in {0.0, None}
