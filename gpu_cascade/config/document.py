"""YAML text → plain data, and the line on which each key stands.

The text is not trusted: depth, nodes and aliases are bounded before anything is built from them. Plain
scalars are read as YAML 1.2 reads them (`-1e9` is a number, `8:30` is text), and `on`, `off`, `yes`, `no`
as YAML 1.1 does, because that is what both kinds of writers mean.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..errors import ConfigError

Place = tuple[str | int, ...]  # ("cascades", "policy", "tiers", 1)

MAX_DEPTH = 32
MAX_NODES = 20_000  # a thousand engines; aliases count each time they are used
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads 1 MiB in 0.03 s, PyYAML alone in 2 s

_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {"on": True, "off": False, "yes": True, "no": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


@dataclass(slots=True)
class Document:
    """What a file says: `data` as plain Python, `lines` where each place stands (1 is the first)."""

    data: Any
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it that the file does have."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def parse(text: str, name: str) -> Document:
    """Read one YAML document; `name` is what errors call the file.

    Raises `ConfigError` for text that is not YAML, is nested or repeated too much, has a key twice, a tag or
    a merge key.
    """
    try:
        _refuse_a_bomb(text, name)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        raise ConfigError(_not_yaml(error, name)) from None
    if root is None:
        raise ConfigError(f"{name}: the file is empty; it needs `engines` and `cascades`")
    document = Document(None)
    document.data = _Builder(document.lines, name).build(root, ())
    return document


def _refuse_a_bomb(text: str, name: str) -> None:
    """Count what the parser meets, and stop there: composing would recurse once for each level."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ConfigError(f"{name}:{_line(event)}: nested deeper than {MAX_DEPTH} levels")
        if count > MAX_NODES:
            raise ConfigError(f"{name}:{_line(event)}: more than {MAX_NODES} values and keys")


def _line(marked: yaml.Event | yaml.Node) -> int:
    return marked.start_mark.line + 1 if marked.start_mark else 1


def _not_yaml(error: yaml.YAMLError, name: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        what = ", ".join(part for part in (error.context, error.problem) if part)
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}" if mark else ""
        return f"{name}{where}: not YAML: {what}"
    what = str(error).splitlines()[0]
    return f"{name}: not YAML: {what}"


class _Builder:
    """Turns nodes into data; every visit counts, so that aliases of aliases end early."""

    def __init__(self, lines: dict[Place, int], name: str) -> None:
        self._lines = lines
        self._name = name
        self._left = MAX_NODES

    def build(self, node: yaml.Node, place: Place) -> Any:
        self._left -= 1
        if self._left < 0 or len(place) > MAX_DEPTH:
            raise self._error(
                node, f"aliases make it larger than {MAX_NODES} values or {MAX_DEPTH} levels; write it out"
            )
        self._lines.setdefault(place, _line(node))
        if not isinstance(node.tag, str) or not _IMPLICIT.fullmatch(node.tag):
            raise self._error(node, f"the tag {str(node.tag)[:60]} is not allowed; write the plain value")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, i)) for i, item in enumerate(node.value)]
        return _scalar(node.value, quoted=bool(node.style)) if isinstance(node, yaml.ScalarNode) else None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            here = (*place, key)
            if key in found:
                raise self._error(
                    key_node, f"the key {key!r} stands here and on line {self._lines[here]}; keep one of them"
                )
            self._lines[here] = _line(key_node)
            found[key] = self.build(value_node, here)
        return found

    def _key(self, node: yaml.Node) -> str:
        """Keys are text whatever they look like: an engine may be called `on` or `7`."""
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._error(node, "a key must be a word")
        if node.tag == "tag:yaml.org,2002:merge":
            raise self._error(node, "merge keys (<<) are not supported; write the keys out")
        return str(node.value)

    def _error(self, node: yaml.Node, sentence: str) -> ConfigError:
        return ConfigError(f"{self._name}:{_line(node)}: {sentence}")


# What PyYAML gives a node that carries no tag of its own.
_IMPLICIT = re.compile(r"tag:yaml\.org,2002:(map|seq|str|int|float|bool|null|timestamp|value)")


def _scalar(text: str, *, quoted: bool) -> str | int | float | bool | None:
    if quoted or len(text) > 400:  # quoted or a block: text; Python refuses to read huge integers
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
