"""The body of an older completion: a prompt, and the text that follows it."""

from typing import Annotated

import msgspec

from .refused import COMPLETION
from .request import Asked, asked, parse
from .sampling import Sampling


class CompletionBody(Sampling, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a completion. `logprobs` is a number here: alternatives for each token."""

    prompt: Annotated[str, msgspec.Meta(min_length=1)]
    logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None


_decode = msgspec.json.Decoder(CompletionBody).decode


def read_completion(data: bytes, deadline_s: float) -> Asked:
    """The body as a request; `BadRequest` names the parameter that is wrong."""
    body = parse(data, _decode, CompletionBody, COMPLETION)
    return asked(body, [{"role": "user", "content": body.prompt}], body.logprobs, deadline_s, raw=True)
