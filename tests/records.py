"""Decision records for tests."""

from gpu_cascade.events import Answered
from gpu_cascade.types import Decision, Judgement, Reason, Use, Verdict, new_id

UNSURE = Judgement("small", -1.74, -0.9, Reason.UNSURE, keep=False)
SURE = Judgement("small", -0.12, -0.9, Reason.SURE, keep=True)
SMALL = Use("small", 43, 14, 0.41, 0.0, "vllm 0.32.0")
LARGE = Use("large", 42, 31, 1.9, 0.25, "vllm 0.32.0")


def record(name=None, judged=(UNSURE,), uses=(SMALL, LARGE), model="cascade", **more):
    """An escalated answer, unless told otherwise."""
    decision = Decision(
        more.pop("tier", "large"),
        more.pop("verdict", Verdict.ESCALATED),
        more.pop("reason", Reason.UNSURE),
        tuple(judged),
    )
    told = {
        "at": 1.75e9,
        "caller": "anonymous",
        "finish_reason": "stop",
        "total_s": 2.4,
        "first_token_s": 0.6,
    }
    return Answered(id=name or new_id(), model=model, decision=decision, uses=tuple(uses), **(told | more))
