"""The checks of a cascade: made from its section of models.yaml, and run on a draft."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import regex

from ...config.checks import (
    ChecksConfig,
    CitedConfig,
    CommandConfig,
    CompletenessConfig,
    JsonSchemaConfig,
    NumberConfig,
    PythonAstConfig,
    QuoteConfig,
    RegexConfig,
    Resolve,
    program,
    schema_text,
)
from ...types import Final, Outcome, Request
from . import cited, completeness, json_schema, numbers, patterns, python_ast, quote
from .base import LONGEST_DENSE, Check, Pure, passes
from .command import Command


@dataclass(frozen=True, slots=True)
class Required:
    """A check and the score that a draft needs in it to stand."""

    check: Check
    minimum: float


def build(config: ChecksConfig, resolve: Resolve) -> tuple[Required, ...]:
    """The checks that are written, cheap ones first, the command last.

    `resolve` makes a path of the file absolute. Raises `ConfigError` for a schema or a program that cannot be
    used.
    """
    written = [(make, getattr(config, name)) for name, make in _MAKERS.items()]
    return tuple(
        Required(make(section, resolve), section.min) for make, section in written if section is not None
    )


async def run(checks: Sequence[Required], request: Request, draft: Final) -> tuple[Outcome, ...]:
    """What the checks find, in their order.

    All pure ones look, whatever the others found: their numbers cost nothing and go into the trace. One that
    starts a process only runs while every check before it has passed. Of a tool call only its completeness is
    known: the others read text.
    """
    outcomes: list[Outcome] = []
    for required in checks:
        if draft.tool_calls and required.check.name != "completeness":
            outcomes.append(Outcome(required.check.name, None, "a tool call, and this check reads text"))
        elif isinstance(required.check, Pure) or failed(checks, outcomes) is None:
            outcomes.append(await required.check.check(request, draft))
    return tuple(outcomes)


def failed(checks: Sequence[Required], outcomes: Sequence[Outcome]) -> Outcome | None:
    """The first outcome below its minimum, or unknown; None where every check that ran has passed."""
    minima = {required.check.name: required.minimum for required in checks}
    return next((outcome for outcome in outcomes if not passes(outcome, minima[outcome.name])), None)


def _completeness(section: CompletenessConfig, _: Resolve) -> Check:
    required = [*map(regex.escape, section.parts), *section.patterns]
    compiled = tuple(regex.compile(pattern) for pattern in required)
    return Pure("completeness", partial(completeness.look, required=compiled))


def _number(section: NumberConfig, _: Resolve) -> Check:
    look = partial(numbers.look, low=section.low, high=section.high, unit=section.unit)
    return Pure("number", look, LONGEST_DENSE)


def _regex(section: RegexConfig, _: Resolve) -> Check:
    whole = section.mode == "fullmatch"
    return Pure("regex", partial(patterns.look, pattern=regex.compile(section.pattern), whole=whole))


def _json_schema(section: JsonSchemaConfig, resolve: Resolve) -> Check:
    schema = json_schema.compiled(schema_text(section, resolve))
    return Pure("json_schema", partial(json_schema.look, schema=schema))


def _quote(section: QuoteConfig, _: Resolve) -> Check:
    look = partial(quote.look, words=section.words, with_numbers=section.numbers)
    return Pure("quote", look, LONGEST_DENSE)


def _cited(_: CitedConfig, __: Resolve) -> Check:
    return Pure("cited", cited.look, LONGEST_DENSE)


def _python_ast(_: PythonAstConfig, __: Resolve) -> Check:
    return Pure("python_ast", python_ast.look, LONGEST_DENSE)


def _command(section: CommandConfig, resolve: Resolve) -> Check:
    return Command(
        program(section, resolve),
        timeout_s=section.timeout_s,
        memory_mib=section.memory_mib,
        parallel=section.parallel,
    )


_MAKERS: Mapping[str, Callable[[Any, Resolve], Check]] = {
    "completeness": _completeness,
    "number": _number,
    "regex": _regex,
    "json_schema": _json_schema,
    "quote": _quote,
    "cited": _cited,
    "python_ast": _python_ast,
    "command": _command,
}
