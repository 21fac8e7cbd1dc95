"""The body of an older completion: a prompt, and the text that follows it."""

from typing import Annotated

import msgspec

from .refused import COMPLETION
from .request import Asked, asked, parse
from .sampling import Sampling
from .wish import Headers


class CompletionBody(Sampling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a completion. `logprobs` is a number here: alternatives for each token."""

    prompt: Annotated[str, msgspec.Meta(min_length=1)]
    logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None


_decode = msgspec.json.Decoder(CompletionBody).decode


def read_completion(data: bytes, deadline_s: float, headers: Headers = ()) -> Asked:
    """Body and headers as a request; `BadRequest` names the parameter that is wrong."""
    body = parse(data, _decode, CompletionBody, COMPLETION)
    messages = [{"role": "user", "content": body.prompt}]
    return asked(body, messages, body.logprobs, deadline_s, headers, raw=True)
