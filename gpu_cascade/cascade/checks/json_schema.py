"""Whether a draft is the JSON that a schema describes."""

from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from ...errors import ConfigError
from ...types import Final, Request
from .base import Seen
from .fences import blocks

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def compiled(schema: Any) -> "Draft202012Validator":
    """The schema, compiled once. Formats are not asserted; what is outside is never fetched.

    Patterns run in linear time, so none is stalled by an answer; look-around and back-references are refused.
    Raises `ConfigError` for a schema that is none, is of another draft, or refers to something outside.
    """
    import jsonschema_rs  # 15 MB that only this check needs

    named = schema.get("$schema", DRAFT) if isinstance(schema, dict) else DRAFT
    if named not in (DRAFT, f"{DRAFT}#"):
        raise ConfigError(f"checks.json_schema.schema: $schema must be {DRAFT} or left out, not {named}")
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            validate_formats=False,
            retriever=_outside,
            pattern_options=jsonschema_rs.RegexOptions(),
        )
    except ValueError as error:
        cause = str(error).partition("\n")[0][:300]
        raise ConfigError(f"checks.json_schema.schema: not a usable JSON schema: {cause}") from None


def _outside(uri: str) -> NoReturn:
    raise ValueError(f"{uri} lies outside of the schema; put it under $defs")


def look(_: Request, draft: Final, *, schema: "Draft202012Validator") -> Seen:
    """Whether the schema accepts the draft."""
    return accepts(schema, draft.text)


def accepts(schema: "Draft202012Validator", text: str) -> Seen:
    """1 where the text, or its one code block, is JSON that the schema accepts; else 0.

    Unknown: nested too deep to be parsed. Of a key that stands twice the last value counts.
    """
    try:
        value = msgspec.json.decode(_json(text))
    except ValueError:
        return 0.0, "not JSON"
    except RecursionError:
        return None, "nested deeper than the parser goes"
    if schema.is_valid(value):
        return 1.0, "valid"
    return 0.0, f"not valid: breaks {_broken(schema, value)}"


def _json(text: str) -> str:
    fenced = blocks(text)
    return fenced[0].body if len(fenced) == 1 else text


def _broken(schema: "Draft202012Validator", value: Any) -> str:
    """The first rule of the schema that the value breaks, by its place in the schema."""
    error = next(schema.iter_errors(value))
    return "/".join(map(str, error.schema_path)) or "the schema"
