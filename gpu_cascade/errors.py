"""Everything that can go wrong, as sentences that carry numbers and a cure.

CascadeError
├── ConfigError            models.yaml cannot be used (exit 2)
│   └── DoesNotFit         the engines that it names take more memory than there is (exit 4)
├── BadRequest             the client's request cannot be answered as asked (400)
│   └── TooLarge           its body is too large (413)
├── Refused                from where none may come, or without the key (401, 403, 415)
├── UnknownModel           no engine or cascade of that name (404)
├── Busy                   every place is taken, come back later (429)
├── Unavailable            nobody can answer now (503)
│   ├── TierDown           the engine is not running or booting
│   │   └── EngineLost     it was there and broke off
│   └── StoreFull          decisions cannot be written, so none is made
├── DeadlineExceeded       the answer would come too late (504)
├── EngineError            the engine answered with an error (502, or its own 4xx)
├── BootError              an engine would not start
├── BadRows                labelled rows cannot be used (exit 2)
├── NotCertifiable         no threshold keeps what was asked (exit 4)
├── ModelError             weights are missing, broken or not what they should be
├── GpuError               the NVIDIA driver is there and does not answer properly
└── AlreadyServing         another `serve` holds this configuration
"""

import traceback

BOOT_RETRY_S = 20.0  # what a client is told while an engine boots: about one boot on two cores


class CascadeError(Exception):
    """The root. `status` is what an HTTP client sees, `exit_code` what a shell sees."""

    status = 500
    exit_code = 1
    kind = "internal_error"
    source = "gateway"

    def __init__(self, message: str, *, retry_after_s: float | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s
        self.param = param


class ConfigError(CascadeError):
    """models.yaml cannot be used: the message names file, line, key, value and choices."""

    exit_code = 2


class DoesNotFit(ConfigError):
    """The engines take more memory than there is; the message says how much is missing, and what helps."""

    exit_code = 4


class BadRequest(CascadeError):
    """The client asked for something that cannot be answered as asked; `param` names it."""

    status = 400
    kind = "invalid_request_error"


class TooLarge(BadRequest):
    """The body is larger than may be."""

    status = 413


class Refused(CascadeError):
    """A request from where none may come: a foreign Host, Origin, key or content type."""

    status = 403
    kind = "permission_error"

    def __init__(self, message: str, *, status: int = 403, kind: str = "permission_error") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class UnknownModel(CascadeError):
    """No engine or cascade has that name; the message lists those that exist."""

    status = 404
    kind = "not_found_error"


class Busy(CascadeError):
    """The queue is full; `retry_after_s` says when to try again."""

    status = 429
    kind = "rate_limit_error"


class Unavailable(CascadeError):
    """Nobody can answer right now."""

    status = 503
    exit_code = 3
    kind = "service_unavailable"


class TierDown(Unavailable):
    """This engine cannot take requests: not booted, lost, or given up."""


class EngineLost(TierDown):
    """The engine was there and broke off: killed, crashed, or cut off in its answer."""

    source = "engine"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after_s=BOOT_RETRY_S)


class StoreFull(Unavailable):
    """Decisions cannot be recorded, so no answer is given (`traces.on_full: refuse`)."""


class DeadlineExceeded(CascadeError):
    """The request's time ran out."""

    status = 504
    kind = "timeout_error"


class EngineError(CascadeError):
    """The engine refused, failed or broke off. `status` is its own where it is the client's business."""

    status = 502
    kind = "engine_error"
    source = "engine"

    def __init__(self, message: str, *, status: int = 502, param: str | None = None) -> None:
        super().__init__(message, param=param)
        self.status = status
        if 400 <= status < 500:
            self.kind = "invalid_request_error"


class BootError(CascadeError):
    """An engine did not become ready; the message ends with the last lines of its log."""


class BadRows(CascadeError):
    """Labelled rows cannot be used: the message names file, line or id, and what belongs there."""

    exit_code = 2


class NotCertifiable(CascadeError):
    """No threshold can be certified; the message says how many more labels would do, or which loss could."""

    exit_code = 4


class ModelError(CascadeError):
    """Weights are missing, broken, or not the ones expected."""


class GpuError(CascadeError):
    """The NVIDIA driver is there and does not answer properly."""


class AlreadyServing(CascadeError):
    """Another `serve` runs with this configuration."""

    exit_code = 2


def whereabouts(error: BaseException) -> str:
    """Type and trace of an unforeseen exception, for the log. Not its message: that may quote a prompt."""
    return "".join([*traceback.format_tb(error.__traceback__), type(error).__name__])
