"""The section `checks` of a cascade: one key for each check of a draft, each in its shape."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import msgspec
import regex
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from ..errors import ConfigError
from .fields import Bool, Count, wrong
from .section import Section

Resolve = Callable[[str | Path], Path]  # a path as the file means it: `Config.resolve`

LONGEST_PATTERN = 2000  # characters
LARGEST_SCHEMA = 1 << 20  # bytes


def _text(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise wrong("must be text that is not blank")
    return value


def _pattern(value: str) -> str:
    if not value or len(value) > LONGEST_PATTERN:
        raise wrong(f"must be a pattern of 1 to {LONGEST_PATTERN} characters")
    try:
        regex.compile(value)
    except (regex.error, RecursionError, OverflowError) as error:
        raise wrong(f"is not a pattern: {error}") from None
    return value


def _schema(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if isinstance(value, str) and value.strip() and value.isprintable():
        return Path(value)
    raise wrong("must be the name of a JSON file, or the schema itself as a mapping")


def _argv(value: list[str]) -> list[str]:
    if not value:
        raise wrong("is empty; it names a program and its arguments, such as [python3, -m, json.tool]")
    if not value[0].strip() or value[0].startswith("-") or any("\0" in word for word in value):
        raise wrong("must begin with the name of a program, and hold no NUL")
    return value


def _null_is_empty(value: Any) -> Any:
    """`python_ast:` with nothing behind it asks for the check: read as null it would be left out silently."""
    return {} if value is None else value


Text = Annotated[str, AfterValidator(_text)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Schema = Annotated[Path | Mapping[str, Any], PlainValidator(_schema)]
Argv = Annotated[list[str], AfterValidator(_argv)]
Bound = Annotated[float, Field(ge=-1e300, le=1e300)]
ShortSeconds = Annotated[float, Field(gt=0, le=60)]
Empty = BeforeValidator(_null_is_empty)


class CheckConfig(Section):
    """A check of a draft: a score below `min`, or an unknown one, escalates."""

    min: Annotated[float, Field(ge=0, le=1)] = 1.0


class CompletenessConfig(CheckConfig):
    """Whether the draft is whole. Each of `parts` (text) and `patterns` must occur in it."""

    min: Annotated[float, Field(ge=0, le=1)] = 0.8
    parts: list[Text] = Field(default=[])
    patterns: list[Pattern] = Field(default=[])


class JsonSchemaConfig(CheckConfig):
    """The draft is JSON that a schema (Draft 2020-12) accepts: a file, or the schema itself."""

    schema_: Schema = Field(alias="schema")  # `schema` is a method of pydantic's models


class RegexConfig(CheckConfig):
    """The draft matches `pattern`: as a whole, or somewhere."""

    pattern: Pattern
    mode: Literal["fullmatch", "search"] = "fullmatch"


class NumberConfig(CheckConfig):
    """The draft's last number lies from `low` to `high`; with `unit` the last one that has it."""

    low: Bound | None = None
    high: Bound | None = None
    unit: Text | None = None

    @model_validator(mode="after")
    def _low_is_lower(self) -> Self:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise wrong(f"low {self.low:g} is above high {self.high:g}; no number lies between them")
        return self


class QuoteConfig(CheckConfig):
    """What the draft quotes in `words` words or more stands in the prompt; with `numbers` its numbers too."""

    words: Count = 4
    numbers: Bool = False


class CitedConfig(CheckConfig):
    """The draft names numbered sentences of the prompt, and its numbers and names stand in them."""


class PythonAstConfig(CheckConfig):
    """The draft, or the Python in its code fences, parses."""


class CommandConfig(CheckConfig):
    """A program that reads the draft from its standard input: exit code 0 passes, 1 fails."""

    argv: Argv
    timeout_s: ShortSeconds = 5
    memory_mib: Annotated[int, Field(ge=16, le=1 << 20)] = 256
    parallel: Annotated[int, Field(ge=1, le=64)] = 2


class ChecksConfig(Section):
    """Every check there is; one that is not written is not made."""

    completeness: Annotated[CompletenessConfig | None, Empty] = None
    json_schema: Annotated[JsonSchemaConfig | None, Empty] = None
    regex: Annotated[RegexConfig | None, Empty] = None
    number: Annotated[NumberConfig | None, Empty] = None
    quote: Annotated[QuoteConfig | None, Empty] = None
    cited: Annotated[CitedConfig | None, Empty] = None
    python_ast: Annotated[PythonAstConfig | None, Empty] = None
    command: Annotated[CommandConfig | None, Empty] = None


def schema_text(section: JsonSchemaConfig, resolve: Resolve) -> Any:
    """The schema, from its file where it has one. Raises `ConfigError` for a file that is not JSON."""
    if not isinstance(section.schema_, Path):
        return section.schema_
    path = resolve(section.schema_)
    told = f"checks.json_schema.schema: {path}"
    try:
        if path.stat().st_size > LARGEST_SCHEMA:
            raise ConfigError(f"{told} has more than 1 MiB; name the schema's own file")
        return msgspec.json.decode(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        cause = getattr(error, "strerror", None) or error
        raise ConfigError(f"{told} cannot be read as JSON: {cause}") from None


def program(section: CommandConfig, resolve: Resolve) -> list[str]:
    """`argv` with its program found: from the file's folder where it has a slash, else on PATH.

    Raises `ConfigError` where there is none: its check could say nothing, and every draft would escalate.
    """
    name, *arguments = section.argv
    found = shutil.which(str(resolve(name)) if "/" in name else name)
    if found is None:
        raise ConfigError(
            f"checks.command.argv: {name} is no program on PATH; install it or name its file "
            f"(with a slash: from the folder of models.yaml)"
        )
    return [found, *arguments]
