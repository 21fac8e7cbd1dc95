"""What is asked, and through what: a table has a load, each of its rows a lane."""

import json
from dataclasses import dataclass

PROMPT = "may i book a train ticket in first class when the journey takes longer than six hours?"
PATH = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Load:
    """One way of asking: so many connections, each asks again as soon as it is answered."""

    name: str
    connections: int
    stream: bool = False
    logprobs: bool = True
    paced: bool = False

    def body(self, model: str, *, hard: bool) -> bytes:
        """A request; its words tell the stub what to answer (stub/stub.c)."""
        words = " ".join(["hard" if hard else "easy", *(["and paced"] if self.paced else []), PROMPT])
        wanted = {"logprobs": True, "top_logprobs": 5} if self.logprobs else {}
        asked = {"model": model, "messages": [{"role": "user", "content": words}], "temperature": 0}
        return json.dumps({**asked, "max_tokens": 64, "stream": self.stream, **wanted}).encode()


LOADS = {
    load.name: load
    for load in (
        Load("whole", 32),
        Load("alone", 1),
        Load("plain", 32, logprobs=False),
        Load("stream", 32, stream=True),
        Load("paced", 32, stream=True, paced=True),
    )
}


@dataclass(frozen=True, slots=True)
class Lane:
    """A path to the stub: what is asked of which gateway, under which loads, and whose text is right then."""

    name: str
    gateway: str
    model: str
    loads: tuple[str, ...]
    hard: bool = False
    says: str = "small"
    by_client: bool = False  # never by wrk: among few answers, those that it breaks off would weigh


DIRECT = "direct"
OURS = "gpu-cascade"
FLOW = "cascadeflow"
EVERY = tuple(LOADS)
LANES = (
    Lane(DIRECT, DIRECT, "small", EVERY),
    Lane("nginx", "nginx", "small", EVERY),
    Lane("vllm-router", "vllm-router", "small", EVERY),
    # Whole answers one at a time only: at several connections it fails ("bound to a different event loop"),
    # and after five failures its circuit breaker refuses everything for 30 s, with status 200.
    Lane("cascadeflow, kept", FLOW, FLOW, ("alone", "stream", "paced"), by_client=True),
    Lane("cascadeflow, escalated", FLOW, FLOW, ("alone",), hard=True, says="large", by_client=True),
    Lane("LiteLLM", "litellm", "small", EVERY, by_client=True),
    Lane("gpu-cascade, engine by its name", OURS, "small", EVERY),
    Lane("gpu-cascade, kept", OURS, "cascade", ("whole", "alone", "plain", "stream")),
    Lane("gpu-cascade, escalated", OURS, "cascade", EVERY, hard=True, says="large"),
    Lane("gpu-cascade, early abort, kept", OURS, "early", ("whole", "plain")),
    Lane("gpu-cascade, early abort, broken off", OURS, "early", ("whole", "plain"), hard=True, says="large"),
)
