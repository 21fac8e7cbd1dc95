"""The section `checks` of a cascade: what it means, and what is said of one that is wrong."""

import json
from pathlib import Path

import pytest

from gpu_cascade.config import load
from gpu_cascade.config.checks import ChecksConfig

from .texts import GOOD, refusal


def in_a_file(section):
    """A models.yaml with that section: JSON is YAML, but for the numbers that are none."""
    text = json.dumps(section).replace("NaN", ".nan").replace("-Infinity", "-.inf")
    return f"{GOOD}    checks: {text}\n"


def test_a_check_that_is_not_written_is_not_made():
    """Without a section there is no check."""
    assert {None} == set(dict(ChecksConfig()).values())


def test_a_check_that_is_written_with_nothing_behind_it_is_made(write):
    """`completeness:` in YAML is null, and means the check with its defaults."""
    checks = (
        load(write(GOOD + "    checks:\n      completeness:\n      python_ast: {}\n"))
        .cascades["policy"]
        .checks
    )

    assert 0.8 == checks.completeness.min
    assert [] == checks.completeness.parts
    assert 1.0 == checks.python_ast.min
    assert checks.quote is None


def test_each_check_has_its_keys():
    """The documented forms are accepted, and what is left out has its default."""
    checks = ChecksConfig.model_validate(
        {
            "completeness": {"min": 0.5, "parts": ["Total:"], "patterns": [r"\d+ EUR"]},
            "json_schema": {"schema": "schemas/answer.json"},
            "regex": {"pattern": r"[A-Z]-\d+", "mode": "search"},
            "number": {"low": 0, "high": 99.5, "unit": "%"},
            "quote": {"numbers": "on"},
            "command": {"argv": ["python3", "-m", "json.tool"], "timeout_s": 2},
        }
    )

    assert Path("schemas/answer.json") == checks.json_schema.schema_
    assert "fullmatch" == ChecksConfig.model_validate({"regex": {"pattern": "a"}}).regex.mode
    assert (0, 99.5, "%") == (checks.number.low, checks.number.high, checks.number.unit)
    assert (4, True) == (checks.quote.words, checks.quote.numbers)
    assert (2, 256, 2) == (checks.command.timeout_s, checks.command.memory_mib, checks.command.parallel)
    assert 1.0 == checks.command.min


def test_a_schema_may_stand_in_the_file():
    """A mapping is the schema itself."""
    schema = {"type": "object", "required": ["id"]}

    assert schema == ChecksConfig.model_validate({"json_schema": {"schema": schema}}).json_schema.schema_


ARGV = {"argv": ["true"]}
WRONG = {
    "unknown check": (
        {"regexp": {}},
        "regexp",
        "is not known here; did you mean regex? (choices: cited, command, comp",
    ),
    "unknown key": (
        {"number": {"hihg": 1}},
        "number.hihg",
        "is not known here; did you mean high? (choices: high",
    ),
    "no mapping": ({"number": 3}, "number", "3 must be a mapping (key: value)"),
    "min too high": ({"quote": {"min": 1.5}}, "quote.min", "1.5 must be at most 1"),
    "min too low": ({"quote": {"min": -1}}, "quote.min", "-1 must be at least 0"),
    "min no number": ({"quote": {"min": "all"}}, "quote.min", "'all' must be a number"),
    "min not finite": ({"quote": {"min": float("nan")}}, "quote.min", "nan must be a finite number"),
    "parts no list": ({"completeness": {"parts": "Total"}}, "completeness.parts", "'Total' must be a list"),
    "part blank": (
        {"completeness": {"parts": [" "]}},
        "completeness.parts[0]",
        "' ' must be text that is not blank",
    ),
    "part no text": (
        {"completeness": {"parts": [7]}},
        "completeness.parts[0]",
        "7 must be text; put it in quotes",
    ),
    "pattern wrong": (
        {"completeness": {"patterns": ["("]}},
        "completeness.patterns[0]",
        "'(' is not a pattern: miss",
    ),
    "pattern missing": ({"regex": None}, "regex.pattern", "is missing"),
    "pattern empty": (
        {"regex": {"pattern": ""}},
        "regex.pattern",
        "'' must be a pattern of 1 to 2000 characters",
    ),
    "pattern long": (
        {"regex": {"pattern": "a" * 2001}},
        "regex.pattern",
        "must be a pattern of 1 to 2000 charac",
    ),
    "mode": (
        {"regex": {"pattern": "a", "mode": "match"}},
        "regex.mode",
        "'match' must be 'fullmatch' or 'search'",
    ),
    "schema missing": ({"json_schema": {}}, "json_schema.schema", "is missing"),
    "schema a number": (
        {"json_schema": {"schema": 1}},
        "json_schema.schema",
        "1 must be the name of a JSON file",
    ),
    "schema a list": (
        {"json_schema": {"schema": []}},
        "json_schema.schema",
        "must be the name of a JSON file, or",
    ),
    "bounds": (
        {"number": {"low": 2, "high": 1}},
        "number",
        "low 2 is above high 1; no number lies between them",
    ),
    "bound infinite": ({"number": {"low": float("-inf")}}, "number.low", "-inf must be a finite number"),
    "unit blank": ({"number": {"unit": ""}}, "number.unit", "'' must be text that is not blank"),
    "words": ({"quote": {"words": 0}}, "quote.words", "0 must be at least 1"),
    "numbers": ({"quote": {"numbers": "all"}}, "quote.numbers", "'all' must be true or false"),
    "argv missing": ({"command": {}}, "command.argv", "is missing"),
    "argv no list": ({"command": {"argv": "json.tool"}}, "command.argv", "'json.tool' must be a list"),
    "argv empty": (
        {"command": {"argv": []}},
        "command.argv",
        "is empty; it names a program and its arguments",
    ),
    "argv a flag": ({"command": {"argv": ["-m"]}}, "command.argv", "must begin with the name of a program"),
    "argv a NUL": (
        {"command": {"argv": ["a", "\0"]}},
        "command.argv",
        "must begin with the name of a program, and",
    ),
    "argv a number": ({"command": {"argv": ["a", 2]}}, "command.argv[1]", "2 must be text; put it in quotes"),
    "time": ({"command": {**ARGV, "timeout_s": 0}}, "command.timeout_s", "0 must be greater than 0"),
    "long time": ({"command": {**ARGV, "timeout_s": 61}}, "command.timeout_s", "61 must be at most 60"),
    "memory": ({"command": {**ARGV, "memory_mib": 8}}, "command.memory_mib", "8 must be at least 16"),
    "half a place": (
        {"command": {**ARGV, "parallel": 1.5}},
        "command.parallel",
        "1.5 must be a whole number",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_is_told_with_its_place_and_what_belongs_there(case, write):
    """Every mistake is one sentence in our words."""
    section, place, sentence = WRONG[case]
    told = refusal(write(in_a_file(section)))

    assert f": cascades.policy.checks.{place}: " in told
    assert sentence in told
    assert 1 == len(told.splitlines())
