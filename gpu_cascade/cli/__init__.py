"""The command `gpu-cascade`: each command is a few lines into the floor below."""

import signal
import sys

from ..errors import CascadeError
from . import calibrating, governing, machine, serving
from .shared import cli

__all__ = ["calibrating", "governing", "machine", "main", "serving"]


def main() -> None:
    """Run a command; every failure is a sentence and an exit code. SIGTERM tidies up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cli()
    except CascadeError as error:
        sys.stderr.write(f"{error.message}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
