"""YAML that somebody else wrote: a small mapping, or a sentence that says what is wrong with it."""

import datetime

import yaml

from .document import Unreadable

LONGEST = 64 * 1024  # characters; the longest front matter of a handbook of 243 files has 1,200
MOST_EVENTS = 5000
DEEPEST = 12

_FLOAT, _TEXT = "tag:yaml.org,2002:float", "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """Safe, and numbers with a point stay as written: `version: 1.10` is not 1.1."""

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: tuple[bool, bool]) -> str:
        tag: str = super().resolve(kind, value, implicit)  # type: ignore[no-untyped-call]
        return _TEXT if tag == _FLOAT else tag


def mapping(text: str) -> dict[str, object]:
    """The mapping that `text` is, keys in lower case; {} where it is blank. Raises `Unreadable`.

    Aliases are refused, and so are more than 5,000 nodes or twelve levels: a few lines of YAML can stand for
    gigabytes. A key given twice is refused too, for nobody knows which was meant.
    """
    if len(text) > LONGEST:
        raise Unreadable(f"it has {len(text):,} characters, {LONGEST:,} may be; shorten it")
    try:
        _bound(text)
        return _mapping(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(f"line {line} is not YAML: {error.problem}; correct it") from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise Unreadable(f"it is not YAML ({type(error).__name__}); correct it") from error


def _bound(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            raise Unreadable(f"`*{event.anchor}` repeats another value; write it out")
        if count > MOST_EVENTS or depth > DEEPEST:
            raise Unreadable(f"it has over {MOST_EVENTS:,} values or {DEEPEST} levels; shorten it")


def _mapping(text: str) -> dict[str, object]:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise Unreadable("it holds no `key: value` lines; write them")
        keys = [str(key.value).lower() for key, _ in node.value]
        if twice := {key for key in keys if keys.count(key) > 1}:
            raise Unreadable(f"`{min(twice)}` is given twice; keep one")
        return {str(key).lower(): value for key, value in loader.construct_document(node).items()}
    finally:
        loader.dispose()


def day(value: object) -> datetime.date | None:
    """The day that a value names, as 2024-03-01, 1.3.2024, March 1, 2024 or 1 March 2024; else None."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%B %d, %Y", "%d %B %Y", "%b %d, %Y", "%d %b %Y"):
        try:
            return datetime.datetime.strptime(str(value).strip(), form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None
