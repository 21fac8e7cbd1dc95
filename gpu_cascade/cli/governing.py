"""Who may call: keys. None of these commands takes a key as an argument: process lists show arguments."""

from typing import Annotated

import typer

from .shared import MODELS_YAML, AsJson, ConfigPath, cli, console, folder, show

keys_cli = typer.Typer(no_args_is_help=True, help="Who may call, and what each caller may see.")
cli.add_typer(keys_cli, name="keys")


@keys_cli.command()
def create(
    name: Annotated[str, typer.Option(help="Who it is for; their decisions bear this name.")],
    groups: Annotated[str | None, typer.Option(help="Whose documents they see: hr,finance.")] = None,
    team: Annotated[str | None, typer.Option(help="Where they belong.")] = None,
    role: Annotated[
        str, typer.Option(help="user, or operator, who sees state, metrics, all decisions.")
    ] = "user",
    cascades: Annotated[
        str | None, typer.Option(help="What they may ask: policy-qa,small; everything without.")
    ] = None,
    config: ConfigPath = MODELS_YAML,
    json: AsJson = False,
) -> None:
    """Make a key and show it, this once; a running gateway takes it at once."""
    from .. import governance

    wanted = governance.Wanted.typed(name, groups, team, role, cascades)
    number, key = governance.create(folder(config), wanted)
    first = "from now on only operators' keys open state, metrics and decisions\n" if number == 1 else ""
    told = f"{first}key {number}, for {name}; it is shown this once, clients send it as their API key:\n{key}"
    show({"id": number, "name": name, "key": key}, json, told)


@keys_cli.command(name="list")
def list_keys(config: ConfigPath = MODELS_YAML, json: AsJson = False) -> None:
    """Every key that was made, and what became of it."""
    from .. import governance
    from ..governance.show import as_json, table

    found = governance.rows(folder(config))
    show([as_json(key) for key in found], json, table(found))


@keys_cli.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME|ID", help="As `keys list` has it.")],
    config: ConfigPath = MODELS_YAML,
) -> None:
    """Take a key back; a running gateway refuses it at once."""
    from .. import governance

    taken = governance.revoke(folder(config), which)
    console.print(f"key {taken.id} of {taken.caller.name} opens nothing any more", highlight=False)
