"""What an engine does with its requests: vLLM's steps, modelled.

A step with n requests decoding takes a + b·n seconds and gives each of them one token: b = 1 /
decode_tok_s_max, a + b = 1 / decode_tok_s_one. While no prompt waits, steps are a fluid: each request gains
1 / (a + b·n) tokens a second. While prompts wait, steps are counted one by one, as vLLM's chunked prefill
makes them: each carries up to max_num_batched_tokens - n prompt tokens in order of arrival, takes 1 /
prefill_tok_s longer for each of them, and gives those that decode one token. The step that reads the last of
a prompt brings the first token.

A prompt that comes to an engine that only decodes begins a step at once, not at the end of the step under
way: first tokens are early by half a step in the mean (11 ms and more for the file's `large`). A request
enters when prompt and answer fit into the KV cache together, in order; vLLM enters it by its prompt, and
preempts later. Engines on one GPU do not slow each other: nobody has measured what that costs.
"""

import math
from collections import deque
from copy import copy
from heapq import heappop, heappush

from .load import EngineSpec

Job = tuple[int, int, int]  # a request, the tokens of its prompt, those of its answer


class Engine:
    """Requests go in by `enter`; at `at` something happens, which `advance` does.

    Progress is counted in steps since the beginning, and a request that decodes ends at a known step: so each
    event costs O(log n), however many decode.
    """

    def __init__(self, spec: EngineSpec, kv_tokens: int) -> None:
        self.at = math.inf
        self.began: dict[int, float] = {}  # when the first token came, of requests that are here
        self.kv_tokens, self.used = kv_tokens, 0
        self._each_s = 1 / spec.decode_tok_s_max
        self._alone_s = 1 / spec.decode_tok_s_one - self._each_s
        self._prompt_s = 1 / spec.prefill_tok_s
        self._budget = spec.max_num_batched_tokens
        self._now, self._steps, self._pace_s = 0.0, 0.0, math.inf  # seconds per step
        self._step_ends, self._step_at_end, self._carried = math.inf, 0.0, 0
        self._decoding: list[tuple[float, int, int]] = []  # heap: last step, request, KV tokens
        self._prompts: deque[Job] = deque()
        self._read, self._unread = 0, 0  # tokens: read of the first prompt, unread of all
        self._outside: deque[Job] = deque()  # no room in the KV cache yet

    def enter(self, request: int, prompt: int, tokens: int, now: float) -> bool:
        """A request comes. False where it would not fit into an empty KV cache: it is not here then."""
        if prompt + tokens > self.kv_tokens:
            return False
        self._outside.append((request, prompt, tokens))
        if self.used + prompt + tokens <= self.kv_tokens:
            self._move_to(now)
            self._let_in()
        return True

    def resize(self, kv_tokens: int, now: float) -> None:
        """The KV cache holds so many tokens from here on; what is in it stays."""
        self.kv_tokens = kv_tokens
        if self._outside:
            self._move_to(now)
            self._let_in()

    def advance(self) -> list[int]:
        """Do what happens at `at`: the requests that ended then."""
        answer = self._decoding and self._next_end() <= self._step_ends
        ended = self._end() if answer else self._step()
        if self._outside and ended:
            self._let_in()
        return ended

    def copy(self) -> "Engine":
        """Another one in the same state."""
        other = copy(self)
        other.began, other._decoding = self.began.copy(), self._decoding.copy()
        other._prompts, other._outside = self._prompts.copy(), self._outside.copy()
        return other

    def _let_in(self) -> None:
        """From outside to where prompts are read, as long as there is room."""
        while self._outside and self.used + sum(self._outside[0][1:]) <= self.kv_tokens:
            _, prompt, tokens = job = self._outside.popleft()
            self.used += prompt + tokens
            self._unread += prompt
            self._prompts.append(job)
        if self._unread and self._step_ends == math.inf:
            self._begin()

    def _begin(self) -> None:
        """The next step, or the fluid where no prompt waits."""
        decoding = len(self._decoding)
        self._pace_s = self._alone_s + self._each_s * decoding
        self._step_ends = math.inf
        if self._unread:
            self._carried = min(self._unread, max(1, self._budget - decoding))
            self._pace_s += self._carried * self._prompt_s
            self._step_ends, self._step_at_end = self._now + self._pace_s, self._steps + 1
        self._aim()

    def _aim(self) -> None:
        self.at = min(self._step_ends, self._next_end()) if self._decoding else self._step_ends

    def _next_end(self) -> float:
        return self._now + (self._decoding[0][0] - self._steps) * self._pace_s

    def _move_to(self, now: float) -> None:
        if self._decoding:
            self._steps += (now - self._now) / self._pace_s
        self._now = now

    def _end(self) -> list[int]:
        """The answers that are complete at this step."""
        decoding, ended = self._decoding, []
        self._now, self._steps = self.at, decoding[0][0]
        while decoding and decoding[0][0] <= self._steps:
            _, request, tokens = heappop(decoding)
            self.used -= tokens
            ended.append(request)
        if self._step_ends == math.inf:
            self._pace_s = self._alone_s + self._each_s * len(decoding)
        self._aim()
        return ended

    def _step(self) -> list[int]:
        """The step with prompts ends: those read to the end have their first token, and decode from here."""
        self._now, self._steps = self._step_ends, self._step_at_end
        self._unread -= self._carried
        self._read += self._carried
        ended = []
        while self._prompts and self._read >= self._prompts[0][1]:
            request, prompt, tokens = self._prompts.popleft()
            self._read -= prompt
            self.began[request] = self._now
            if tokens > 1:
                heappush(self._decoding, (self._steps + tokens - 1, request, prompt + tokens))
            else:
                self.used -= prompt + tokens
                ended.append(request)
        self._begin()
        return ended
