"""The kinds of values that models.yaml is made of, each with the sentence for a wrong one."""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator
from pydantic_core import PydanticCustomError

from . import flags

# What drafts may be sampled with, and the range that engines accept.
SAMPLING: Mapping[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "top_k": (-1, 2**31 - 1),
    "min_p": (0, 1),
    "seed": (-(2**63), 2**63 - 1),
}

# The signals of cascade/signals.py, which lies on a higher floor; a test holds the two together.
SIGNALS = (
    "logprob_quantile",
    "chow_sum",
    "chow_average",
    "chow_quantile",
    "min_logprob",
    "second_smallest",
    "third_smallest",
    "count_below",
    "margin_mean",
    "margin_first",
    "margin_q10",
    "entropy_mean",
    "entropy_max",
    "group_confidence",
    "max_prob",
    "distance_to_uniform",
)


def wrong(sentence: str, *, secret: bool = False) -> PydanticCustomError:
    """An error in our words. With `secret` the value is not repeated: it may be a key or a password."""
    return PydanticCustomError("secret" if secret else "wrong", "{sentence}", {"sentence": sentence})


def unknown(word: str, choices: Iterable[str]) -> str:
    """'is not known here', with the nearest choice and all of them."""
    known = sorted(choices)
    near = difflib.get_close_matches(word[:80], known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"is not known here{hint} (choices: {', '.join(known) or 'none'})"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63


def _as_word(value: Any) -> Any:
    """`on` and `off` arrive as booleans wherever YAML is read by its version 1.1."""
    return ("on" if value else "off") if isinstance(value, bool) else value


def _as_bool(value: Any) -> Any:
    words = {"on": True, "yes": True, "off": False, "no": False}
    return words.get(value, value) if isinstance(value, str) else value


def _as_path(value: Any) -> Any:
    return Path(value) if isinstance(value, str) and value.strip() and value.isprintable() else value


def _name(value: str) -> str:
    """Names become file names and sockets, and clients send them as `model`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise wrong(
            "a name is 1 to 64 letters, digits, '.', '_' and '-', and starts with a letter or a digit"
        )
    return value


def _words(value: str) -> str:
    """Text that ends up in an argument list or a request: printable, and never taken for a flag."""
    if not value or value != value.strip() or not value.isprintable():
        raise wrong("must be text, without blanks around it")
    if value.startswith("-"):
        raise wrong("must not start with '-'")
    return value


def _url(value: str) -> str:
    """An http(s) address, without the slash at its end."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port  # `port` raises where it is not a number below 65536
    except ValueError:
        raise wrong("must be an address such as https://host/v1", secret=True) from None
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise wrong("must hold no user, password or query; api_key_env names a key's variable", secret=True)
    if parts.scheme not in {"http", "https"} or not host or not value.isprintable() or " " in value:
        raise wrong("must be an address such as https://host/v1")
    return value.rstrip("/")


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
        raise wrong(
            "must be the name of an environment variable that holds the key, not the key", secret=True
        )
    return value


def _origin(value: str) -> str:
    if not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]+", value):
        raise wrong("must be an origin such as https://chat.example.org, without a path")
    return value


def _store(value: str) -> str:
    scheme, _, rest = value.partition(":///")
    is_file = scheme == "sqlite" and rest.strip("/") and not rest.startswith(":") and value.isprintable()
    if not is_file and not value.startswith("postgresql://"):
        raise wrong(
            "must be sqlite:///FILE (from this file's folder) or sqlite:////ABSOLUTE/FILE", secret=True
        )
    return value


def _threshold(value: Any) -> Any:
    if value is None or value in ("keep_all", "escalate_all"):
        return value
    if not _is_number(value):
        raise wrong("must be a finite number (in nats), keep_all or escalate_all")
    return float(value)


def _signal(value: str) -> str:
    if value not in SIGNALS:
        raise wrong(unknown(value, SIGNALS))
    return value


def _sampling_key(key: str) -> str:
    if key not in SAMPLING:
        raise wrong(unknown(key, SAMPLING))
    return key


def _number(value: Any) -> Any:
    if not _is_number(value):
        raise wrong("must be a finite number")
    return value


def _sampling(value: dict[str, Any]) -> dict[str, Any]:
    """Temperature stays 0 where only other keys are given."""
    for key, number in value.items():
        low, high = SAMPLING[key]
        if not low <= number <= high or (key == "top_p" and number == 0):
            raise wrong(f"{key} must lie between {low} and {high}")
        if key in {"top_k", "seed"} and not isinstance(number, int):
            raise wrong(f"{key} must be a whole number")
    return {"temperature": 0, **value}


def _flag(key: str) -> str:
    flag = flags.spell(key)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*(\..+)?", flag) or not flag.isprintable():
        raise wrong("must be the name of a vLLM flag, such as enforce-eager")
    refusal = flags.refusal(flag)
    if refusal:
        raise wrong(refusal)
    return flag


def _argument(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise wrong("must be text, a number, true, false or null; write a structure as JSON in quotes")


def _arguments(value: Any) -> Any:
    """Refuse a flag that stands twice in two spellings: one would silently win."""
    if isinstance(value, dict) and len({flags.spell(str(key)) for key in value}) < len(value):
        raise wrong("a flag stands twice in two spellings; keep one")
    return value


Name = Annotated[str, AfterValidator(_name)]
Words = Annotated[str, AfterValidator(_words)]
Url = Annotated[str, AfterValidator(_url)]
Variable = Annotated[str, AfterValidator(_variable)]
Origin = Annotated[str, AfterValidator(_origin)]
Store = Annotated[str, AfterValidator(_store)]
FilePath = Annotated[Path, BeforeValidator(_as_path)]
Bool = Annotated[bool, BeforeValidator(_as_bool)]
OnOff = BeforeValidator(_as_word)
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86400)]
Threshold = Annotated[float | Literal["keep_all", "escalate_all"] | None, PlainValidator(_threshold)]
SignalName = Annotated[str, AfterValidator(_signal)]
Number = Annotated[float, PlainValidator(_number)]
Sampling = Annotated[dict[Annotated[str, AfterValidator(_sampling_key)], Number], AfterValidator(_sampling)]
Flag = Annotated[str, AfterValidator(_flag)]
Argument = Annotated[str | int | float | bool | None, PlainValidator(_argument)]
Arguments = Annotated[dict[Flag, Argument], BeforeValidator(_arguments)]
