"""`gpu-cascade chat`: a conversation in the terminal that shows who answered and why."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from rich.console import Console

from .engines.wire import SseReader
from .errors import CascadeError, Unavailable


@dataclass(slots=True)
class Said:
    """One answer as it comes: text so far, and at its end what the gateway says of it."""

    text: str = ""
    cascade: dict[str, Any] | None = None


class Talk:
    """A conversation with one model of a running gateway."""

    def __init__(self, session: aiohttp.ClientSession, url: str, model: str) -> None:
        self._session, self._url, self._model = session, url, model
        self._messages: list[dict[str, str]] = []

    async def ask(self, text: str) -> AsyncIterator[Said]:
        """The answer, piece by piece. A failed turn is not remembered."""
        messages = [*self._messages, {"role": "user", "content": text}]
        body = {"model": self._model, "messages": messages, "stream": True}
        said = Said()
        async with self._session.post(f"{self._url}/v1/chat/completions", json=body) as response:
            if response.status != 200:
                raise Unavailable(_sentence(await response.read()))
            reader = SseReader()
            async for data in response.content.iter_any():
                for payload in reader.feed(data):
                    if payload != b"[DONE]":
                        _add(said, msgspec.json.decode(payload))
                        yield said
        self._messages = [*messages, {"role": "assistant", "content": said.text}]


def _add(said: Said, chunk: dict[str, Any]) -> None:
    if "error" in chunk:
        raise CascadeError(chunk["error"]["message"])
    for choice in chunk["choices"]:
        said.text += choice["delta"].get("content") or ""
    said.cascade = chunk.get("cascade", said.cascade)


def _sentence(data: bytes) -> str:
    try:
        return str(msgspec.json.decode(data)["error"]["message"])
    except (msgspec.MsgspecError, KeyError, TypeError):
        return f"the gateway answered with {len(data)} bytes that are no error of ours"


def verdict_line(cascade: dict[str, Any]) -> str:
    """Tier, verdict, reason and signal in one line."""
    confidence = cascade.get("confidence")
    signal = "" if confidence is None else f", least sure token {confidence:.2f}"
    seconds = sum(use["engine_s"] for use in cascade["uses"])
    return (
        f"{cascade['tier']}: {cascade['verdict']} ({cascade['reason']}{signal}), {seconds:.1f} engine-seconds"
    )


async def converse(
    url: str, model: str | None, key: str | None, prompt: Callable[[], str | None], console: Console
) -> None:
    """Ask and answer until `prompt` gives None. One turn that fails does not end the conversation."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with aiohttp.ClientSession(headers=headers) as session:
        talk = Talk(session, url, model or await _first_model(session, url))
        while (text := prompt()) is not None:
            try:
                await _turn(talk, text, console)
            except CascadeError as error:
                console.print(f"[red]{error.message}[/red]", highlight=False)
            except aiohttp.ClientError as error:
                raise Unavailable(f"the gateway at {url} is gone ({type(error).__name__})") from error


async def _first_model(session: aiohttp.ClientSession, url: str) -> str:
    """What the gateway lists first: its first cascade."""
    try:
        async with session.get(f"{url}/v1/models") as response:
            data = await response.read()
    except aiohttp.ClientError as error:
        raise Unavailable(f"nothing answers at {url} ({type(error).__name__})") from error
    if response.status != 200:
        raise Unavailable(_sentence(data))
    return str(msgspec.json.decode(data)["data"][0]["id"])


async def _turn(talk: Talk, text: str, console: Console) -> None:
    shown = 0
    last: Said | None = None
    async for said in talk.ask(text):
        console.print(said.text[shown:], end="", markup=False, highlight=False, soft_wrap=True)
        shown, last = len(said.text), said
    if last and last.cascade:
        console.print(f"\n[dim]{verdict_line(last.cascade)}[/dim]", highlight=False)
