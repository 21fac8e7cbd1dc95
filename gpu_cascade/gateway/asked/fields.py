"""What stands inside a body's fields. A part that is not known is refused, as a field is."""

from typing import Annotated, Any, Literal

import msgspec

Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)] | None
Count = Annotated[int, msgspec.Meta(ge=1)] | None
Name = Annotated[str, msgspec.Meta(pattern="^[a-zA-Z0-9_.-]{1,64}$")]
Known = Annotated[str, msgspec.Meta(max_length=256)] | None
Metadata = Annotated[dict[str, Annotated[str, msgspec.Meta(max_length=512)]], msgspec.Meta(max_length=16)]
Texts = Annotated[list[str], msgspec.Meta(max_length=128)] | None
TokenIds = Annotated[list[Annotated[int, msgspec.Meta(ge=0)]], msgspec.Meta(max_length=128)] | None


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a body."""


class StreamOptions(Part, frozen=True):
    """How a stream ends."""

    include_usage: bool = False


class Function(Part, frozen=True):
    """A function that the model may want called; `parameters` is its JSON schema."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Part, frozen=True):
    """A tool: functions are the only kind."""

    type: Literal["function"]
    function: Function


class NamedFunction(Part, frozen=True):
    """The function that must be called."""

    name: Name


class NamedTool(Part, frozen=True):
    """The tool that must be called."""

    type: Literal["function"]
    function: NamedFunction


class Schema(Part, frozen=True):
    """A named JSON schema. `strict` changes nothing: an engine's grammar always is."""

    name: Name
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class _Format(Part, frozen=True, tag_field="type"):
    """What the answer is written in."""


class TextFormat(_Format, frozen=True, tag="text"):
    """Whatever the model writes."""


class ObjectFormat(_Format, frozen=True, tag="json_object"):
    """A JSON object."""


class SchemaFormat(_Format, frozen=True, tag="json_schema"):
    """JSON that a schema accepts."""

    json_schema: Schema


Format = TextFormat | ObjectFormat | SchemaFormat


class StructuredOutputs(Part, frozen=True):
    """VLLM's own words for a grammar: exactly one of them, which the engine sees to."""

    json: dict[str, Any] | str | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    structural_tag: str | None = None
