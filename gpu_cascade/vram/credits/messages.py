"""What a gateway worker and the supervisor say to each other about places. Plain data, and errors as such."""

from typing import Annotated

import msgspec

from ... import errors
from ...errors import CascadeError

Count = Annotated[int, msgspec.Meta(ge=0)]


class Ask(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """A request wants a place. `id` is the worker's own; one that waits has no double."""

    id: int
    engine: str
    urgent: bool


class Leave(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """It wants one no longer. A place that was on its way comes back as any other."""

    id: int


class Back(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """`places` of the engine come back; `reused` requests more were served in credits since the last word.

    The scheduler weighs engines by how much is asked of them, and does not see what a credit serves.
    """

    engine: str
    places: Count
    reused: Count


class Granted(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """A place: a credit that may be kept until its epoch is over. Epoch 0 is over: it serves one request."""

    id: int
    engine: str
    epoch: int
    version: str


class Refused(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """There is none. `kind` names a class of `gpu_cascade.errors`."""

    id: int
    kind: str
    message: str
    retry_after_s: float | None


class Revoked(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Credits of the engine up to this epoch come back: the idle ones now, the others after their request."""

    engine: str
    epoch: int


ToOffice = Ask | Leave | Back
ToWorker = Granted | Refused | Revoked
OFFICE_HEARS: msgspec.msgpack.Decoder[ToOffice] = msgspec.msgpack.Decoder(ToOffice)
WORKER_HEARS: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)

KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, CascadeError)
}


def refusal(ask_id: int, error: CascadeError) -> Refused:
    """The error as plain data."""
    return Refused(ask_id, type(error).__name__, error.message, error.retry_after_s)


def raised(refused: Refused) -> CascadeError:
    """The same error again. One of a kind that is not known here is a plain `CascadeError`."""
    kind = KINDS.get(refused.kind, CascadeError)
    error = kind.__new__(kind)
    # Not the kind's own: some of them take less and set what is said here.
    CascadeError.__init__(error, refused.message, retry_after_s=refused.retry_after_s)
    return error
