"""From a path to a `Config`, or to one `ConfigError` that names every place and what belongs there."""

import stat
import types
import typing
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..errors import ConfigError
from .config import Config
from .document import Document, Place, parse
from .fields import unknown
from .rules import Problem
from .schema import Sections
from .section import Section

MAX_BYTES = 1 << 20  # a thousand engines take 200 KiB
SHOWN = 10

_SENTENCES = {
    "missing": "is missing",
    "string_type": "must be text; put it in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "dict_type": "must be a mapping (key: value)",
    "model_type": "must be a mapping (key: value)",
    "list_type": "must be a list ([a, b])",
    "is_instance_of": "must be a path",
    "finite_number": "must be a finite number",
    "greater_than": "must be greater than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
}


def load(path: Path) -> Config:
    """Read and check `path`.

    Raises `ConfigError` with one line for each problem: file, line, place, value, choices.
    """
    name = str(path)
    document = parse(_read(path), name)
    if not isinstance(document.data, dict):
        raise ConfigError(
            f"{name}:1: must be a mapping with `engines` and `cascades`, not {_show(document.data)}"
        )
    try:
        sections = Sections.model_validate(document.data)
        return Config(**_parts(sections), path=path.absolute(), base=path.absolute().parent)
    except ValidationError as error:
        raise ConfigError(_report(_problems(error), document, name)) from None


def from_pair(small: str, large: str, threshold: float = -0.9) -> Config:
    """A cascade of two models without a file: hub ids or folders, everything else by default.

    Raises `ConfigError` where one of the three cannot be used.
    """
    data = {
        "engines": {"small": {"model": small}, "large": {"model": large}},
        "cascades": {"cascade": {"tiers": ["small", "large"], "threshold": threshold}},
    }
    return _checked(data)


def at(
    config: Config, host: str | None = None, port: int | None = None, workers: int | None = None
) -> Config:
    """The same configuration on another address, by so many processes; None leaves a part as it is.

    Raises `ConfigError` where the gateway cannot be so.
    """
    asked = {"host": host, "port": port, "workers": workers}
    wanted = {key: value for key, value in asked.items() if value is not None}
    return _checked({**_parts(config), "gateway": {**_parts(config.gateway), **wanted}})


def _parts(section: Section) -> dict[str, Any]:
    """What was written: what was left out must stay unset, some rules ask for it."""
    return {name: getattr(section, name) for name in section.model_fields_set}


def _checked(data: dict[str, Any]) -> Config:
    """A configuration that no file says: problems have places, but no lines."""
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        found = _problems(error)
        raise ConfigError("\n".join(f"{_spell(p.place)}: {p.sentence}" for p in found)) from None


def _read(path: Path) -> str:
    """The text of a file that is one, may be read, is small and is UTF-8."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path} is {_kind(status.st_mode)}, not a file; name the YAML file itself")
        if status.st_size > MAX_BYTES:
            raise ConfigError(
                f"{path} has {status.st_size / 2**20:.1f} MiB; at most 1 MiB is read as a configuration"
            )
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist; name another file with --config, or use --small ID --large ID"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise ConfigError(
            f"{str(path)[:200]!r} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe or device"


def _problems(error: ValidationError) -> list[Problem]:
    """Pydantic's findings in our words; rules that failed carry theirs along."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        if detail["type"] == "problems":
            found += detail["ctx"]["problems"]
        else:
            found.append(Problem(_place(detail["loc"]), _sentence(detail)))
    return found


def _place(loc: tuple[str | int, ...]) -> Place:
    """Pydantic says of a wrong key `(…, key, "[key]")`."""
    return loc[:-1] if loc and loc[-1] == "[key]" else loc


def _sentence(detail: ErrorDetails) -> str:
    kind, context, loc = detail["type"], detail.get("ctx", {}), detail["loc"]
    if kind == "extra_forbidden":
        return unknown(str(loc[-1]), _keys_at(loc[:-1]))
    if kind == "missing":
        return _SENTENCES[kind]
    sentence = _SENTENCES[kind].format(**context) if kind in _SENTENCES else detail["msg"]
    says_it_all = kind == "wrong" and isinstance(detail["input"], dict | list)
    if kind == "secret" or loc[-1] == "[key]" or says_it_all:
        return sentence
    return f"{_show(detail['input'])} {sentence}"


def _keys_at(place: Place) -> list[str]:
    """What the mapping at `place` may hold, found by walking the schema along it."""
    shape: Any = Sections
    for part in place:
        shape = shape.model_fields[part].annotation if _is_section(shape) else typing.get_args(shape)[-1]
        if typing.get_origin(shape) in {types.UnionType, typing.Union}:  # `VerifyConfig | None`
            shape = typing.get_args(shape)[0]
    return [field.alias or name for name, field in shape.model_fields.items()]


def _is_section(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def _show(value: object) -> str:
    """A value as one might have written it, cut to a readable length."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _report(found: list[Problem], document: Document, name: str) -> str:
    """One line each, in the order of the file; after ten only how many more."""
    ordered = sorted(found, key=lambda problem: document.line(problem.place))
    lines = [f"{name}:{document.line(p.place)}: {_spell(p.place)}: {p.sentence}" for p in ordered[:SHOWN]]
    if len(ordered) > SHOWN:
        lines.append(f"… and {len(ordered) - SHOWN} more")
    return "\n".join(lines)


def _spell(place: Place) -> str:
    """cascades.policy.tiers[1]; a key that is no word is quoted and cut."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (
                part if part.isprintable() and len(part) <= 80 else repr(part[:60])
            )
    return text
