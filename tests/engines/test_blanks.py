"""White space in JSON has an end; what is no JSON is left as it is."""

import msgspec
import pytest

from gpu_cascade.engines.blanks import MOST, bounded

PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DATED = {"type": "object", "properties": {"on": {"type": "string", "format": "date"}}}


def schema(of):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": of}}}


def test_a_schema_becomes_a_structural_tag():
    """With the schema in it as it was, and a bound."""
    found = bounded({"temperature": 0, **schema(PLACE)})

    content = {"type": "json_schema", "json_schema": PLACE, "max_whitespace_cnt": MOST}
    assert {"temperature": 0, "response_format": {"type": "structural_tag", "format": content}} == found


def test_what_xgrammar_leaves_out_goes_to_the_other_grammar():
    """A tag would silently lose the keyword: the schema stays one, and brings its own bound."""
    found = bounded(schema(DATED))["response_format"]

    sent = found["json_schema"]["schema"]
    assert "json_schema" == found["type"]
    assert (False, DATED["properties"]) == (sent["x-guidance"]["whitespace_flexible"], sent["properties"])
    assert [{}, {}] == sent["allOf"]


def test_structured_outputs_are_bounded_too():
    """A schema as an object or as text; broken text is the engine's to complain about."""
    for one in (PLACE, msgspec.json.encode(PLACE).decode()):
        tag = bounded({"structured_outputs": {"json": one}})["structured_outputs"]["structural_tag"]
        assert PLACE == msgspec.json.decode(tag)["format"]["json_schema"]
    assert "allOf" in bounded({"structured_outputs": {"json": DATED}})["structured_outputs"]["json"]
    broken = {"structured_outputs": {"json": "{"}}
    assert broken == bounded(broken)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"temperature": 0.5},
        {"structured_outputs": {"regex": "a+"}},
        {"structured_outputs": {"choice": ["a"]}},
    ],
)
def test_other_requests_stay(params):
    """No JSON, no bound."""
    assert params == bounded(params)


@pytest.mark.engine
def test_the_grammars_themselves_keep_the_bound():
    """The compilers that vLLM uses take usual JSON, indented or not, and no endless blanks."""
    import llguidance
    import xgrammar
    from xgrammar.testing import _is_grammar_accept_string

    tag = msgspec.json.encode(bounded(schema(PLACE))["response_format"]).decode()
    grammar = xgrammar.Grammar.from_structural_tag(tag)
    for text, taken in (
        ('{"city": "Oslo"}', True),
        ('{\n    "city": "Oslo"\n}', True),
        ("{" + " " * 9, False),
    ):
        whole = text if taken else text + '"city": "Oslo"}'
        assert taken == _is_grammar_accept_string(grammar, whole)

    sent = bounded(schema(DATED))["response_format"]["json_schema"]["schema"]
    defaults = {"whitespace_flexible": True}
    compiled = llguidance.LLMatcher.grammar_from_json_schema(
        msgspec.json.encode(sent).decode(), defaults=defaults
    )
    bytewise = llguidance.LLTokenizer("byte")
    for text, taken in (
        ('{"on": "2026-01-31"}', True),
        ('{"on":  "2026-01-31"}', False),
        ('{"on": "x"}', False),
    ):
        ids = bytewise.tokenize_str(text)
        assert taken == (len(ids) == llguidance.LLMatcher(bytewise, compiled).validate_tokens(ids))
