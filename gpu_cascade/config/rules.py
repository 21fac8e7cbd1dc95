"""What shapes cannot say: how the parts of models.yaml fit together, and what is not built yet. Pure."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from operator import attrgetter
from typing import Any
from urllib.parse import urlsplit

from .document import Place
from .fields import unknown
from .schema import CascadeConfig, EngineConfig, GatewayConfig, Sections


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong at one place."""

    place: Place
    sentence: str


@dataclass(frozen=True, slots=True)
class NotYet:
    """A key that is understood and not built: `asked` says whether a value asks for it."""

    section: str
    key: str
    asked: Callable[[Any], bool]
    instead: str


# The one list of what models.yaml may describe and this version cannot do.
NOT_YET = (NotYet("traces", "store", lambda v: not v.startswith("sqlite:"), "use sqlite:///FILE"),)

ONLY_STARTED = ("dtype", "kv", "quantization", "tensor_parallel", "args", "boot_timeout_s")
ONLY_ATTACHED = ("name", "api_key_env")


def problems(sections: Sections) -> list[Problem]:
    """Everything that keeps these sections from being served; empty where nothing does."""
    return [*_engines(sections), *_cascades(sections), *_not_yet(sections)]


def _engines(sections: Sections) -> Iterator[Problem]:
    if not sections.engines:
        yield Problem(("engines",), "names no engine; add at least two")
    for name, engine in sections.engines.items():
        yield from _engine(("engines", name), engine)
        if engine.url and _is_gateway(engine.url, sections.gateway):
            yield Problem(
                ("engines", name, "url"),
                f"{engine.url} is the gateway's own address (gateway.port); change one",
            )
    remotes = Counter((engine.url, engine.name) for engine in sections.engines.values() if engine.url)
    for name, engine in sections.engines.items():
        if engine.url and remotes[engine.url, engine.name] > 1:
            yield Problem(
                ("engines", name, "url"),
                f"{engine.url} with name {engine.name} stands twice; keep one engine",
            )


def _engine(place: Place, engine: EngineConfig) -> Iterator[Problem]:
    """Exactly one of `model` and `url`, and only the keys that go with it."""
    if engine.model and engine.url:
        yield Problem(
            place,
            "has both model and url; keep model to start it here, or url with name (the model's name there)",
        )
    elif engine.model:
        for key in ONLY_ATTACHED:
            if getattr(engine, key) is not None:
                yield Problem((*place, key), "only goes with url; this engine is started here")
    elif engine.url:
        if engine.name is None:
            yield Problem(place, "name is missing: what the model is called at that url")
        for key in sorted(engine.model_fields_set.intersection(ONLY_STARTED)):
            yield Problem((*place, key), "only goes with model; an engine at a url is set up there")
    else:
        yield Problem(place, "model is missing: a hub id or a folder (or url, to attach to a running engine)")


def _is_gateway(url: str, gateway: GatewayConfig) -> bool:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if port != gateway.port:
        return False
    here = parts.hostname == gateway.host
    return here or (_is_local(gateway.host) and _is_local(parts.hostname or ""))


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _cascades(sections: Sections) -> Iterator[Problem]:
    if not sections.cascades:
        yield Problem(("cascades",), "names no cascade; add one with at least two tiers")
    for name, cascade in sections.cascades.items():
        place: Place = ("cascades", name)
        if name in sections.engines:
            yield Problem(place, "has the name of an engine; clients could not tell them apart")
        yield from _tiers((*place, "tiers"), cascade, sections)
        yield from _threshold(place, cascade)
        yield from _needs_calibration(place, cascade)
        yield from _verify((*place, "verify"), cascade, sections)
        yield from _stream(place, cascade)


def _tiers(place: Place, cascade: CascadeConfig, sections: Sections) -> Iterator[Problem]:
    if len(cascade.tiers) < 2:
        found = f"has {len(cascade.tiers)}" if cascade.tiers else "is empty"
        yield Problem(place, f"{found}; a cascade needs at least 2 engines, cheapest first")
    for i, tier in enumerate(cascade.tiers):
        if tier not in sections.engines:
            yield Problem((*place, i), f"{tier} {unknown(tier, sections.engines)}")
        elif tier in cascade.tiers[:i]:
            yield Problem((*place, i), f"{tier} stands twice in tiers; keep one")


def _threshold(place: Place, cascade: CascadeConfig) -> Iterator[Problem]:
    if cascade.calibration is None:
        if cascade.threshold is None:
            yield Problem(
                place, "threshold is missing: a number in nats (try -0.9), keep_all or escalate_all"
            )
        return
    for key in ("signal", "threshold"):
        if key in cascade.model_fields_set and getattr(cascade, key) is not None:
            yield Problem(
                (*place, key), "stands beside a calibration, which brings its own; keep one of them"
            )


def _needs_calibration(place: Place, cascade: CascadeConfig) -> Iterator[Problem]:
    """What rests on numbers that only a calibration brings."""
    if cascade.calibration is not None:
        return
    if cascade.gate != "off":
        yield Problem((*place, "gate"), "auto needs a calibration, which brings the gate; use off")
    if cascade.monitor is not None:
        yield Problem((*place, "monitor"), "needs a calibration, which says how often tiers disagree")


def _verify(place: Place, cascade: CascadeConfig, sections: Sections) -> Iterator[Problem]:
    verify = cascade.verify
    if verify is None:
        return
    if verify.by not in sections.engines:
        yield Problem((*place, "by"), f"{verify.by} {unknown(verify.by, sections.engines)}")
    elif verify.by in cascade.tiers[:1]:
        yield Problem((*place, "by"), f"{verify.by} writes the drafts; name a larger engine")
    written = [key for key in ("width", "min") if getattr(verify, key) is not None]
    if cascade.calibration is None and len(written) < 2:
        yield Problem(place, "needs width and min beside a threshold (try width: 0.5, min: 0.7)")
    if cascade.calibration is not None and written:
        yield Problem((*place, written[0]), "stands beside a calibration, which brings its own; leave it out")


def _stream(place: Place, cascade: CascadeConfig) -> Iterator[Problem]:
    """What does not go with drafts that are shown before their end, or with two tiers that run at once."""
    if cascade.stream == "race" and len(cascade.tiers) > 2:
        found = f"has {len(cascade.tiers)} engines"
        yield Problem((*place, "tiers"), f"{found}; stream: race is between 2, use hold or name 2")
    if cascade.stream != "commit":
        return
    asks_the_end = {
        "checks": any(check is not None for _, check in cascade.checks),
        "verify": cascade.verify is not None,
        "early_abort": cascade.early_abort == "on",
    }
    for key, asked in asks_the_end.items():
        if asked:
            yield Problem(
                (*place, key),
                "does not go with stream: commit, which shows a sure draft before its end; "
                f"leave {key} out, or use stream: hold",
            )


def _not_yet(sections: Sections) -> Iterator[Problem]:
    for rule in NOT_YET:
        section = getattr(sections, rule.section)
        named = section.items() if isinstance(section, dict) else [(None, section)]
        for name, holder in named:
            value = attrgetter(rule.key)(holder)
            if rule.asked(value):
                at = (rule.section,) if name is None else (rule.section, name)
                yield Problem(
                    (*at, *rule.key.split(".")), f"{_said(value)}is not available yet; {rule.instead}"
                )


def _said(value: object) -> str:
    """A word is worth repeating; an address may hold a password."""
    return f"{value} " if isinstance(value, str | int) and "://" not in str(value) else ""
