"""What all commands share: the application, its options, how it prints."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from .. import __version__

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="The command `gpu-cascade`: one address for several models that share your GPUs.",
)
models_cli = typer.Typer(no_args_is_help=True, help="The models on this machine.")
cli.add_typer(models_cli, name="models")
console = Console()

KEY_VARIABLE = "GPU_CASCADE_API_KEY"
ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The configuration.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ApiKey = Annotated[str | None, typer.Option(envvar=KEY_VARIABLE, help="The key clients must send.")]
MODELS_YAML = Path("models.yaml")
IMPOSSIBLE = 4  # the exit code of what cannot be done as asked


@cli.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version")] = False) -> None:
    if version:
        console.print(f"gpu-cascade {__version__}", highlight=False)
        raise typer.Exit


def folder(config: Path) -> Path:
    """Where a serve of that file, or of none, leaves its state."""
    from ..config import state_dir

    return state_dir(config.absolute().parent)


def show(data: object, as_json: bool, rendered: object) -> None:
    """The data as JSON, or what is drawn of it."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(data).decode() + "\n")
    else:
        console.print(rendered, highlight=False)
