"""Print what pip is configured with as shell exports for uv, which does not read pip's configuration.

A variable that is already set is left alone: whoever sets UV_* himself knows better.
"""

import argparse
import ast
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

# pip's option: the variables that mean the same to uv (we set the first), and what joins several values.
NAMES = {
    "index-url": (("UV_DEFAULT_INDEX", "UV_INDEX_URL"), " "),
    "extra-index-url": (("UV_EXTRA_INDEX_URL",), " "),
    "find-links": (("UV_FIND_LINKS",), ","),
    "no-index": (("UV_NO_INDEX",), " "),
    "trusted-host": (("UV_INSECURE_HOST",), " "),
    "timeout": (("UV_HTTP_TIMEOUT",), " "),
    "cert": (("SSL_CERT_FILE",), " "),
    "client-cert": (("SSL_CLIENT_CERT",), " "),
    "proxy": (("ALL_PROXY",), " "),
}
SECTIONS = ("global", "install", ":env:")  # a later one wins, as in pip


def options(listing: str) -> dict[str, str]:
    """The output of `pip config list` as pip's `install` would see it: option to value."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in found:
            found[section][option.removeprefix("default-")] = str(ast.literal_eval(value))
    return {option: value for section in SECTIONS for option, value in found[section].items()}


def for_uv(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables to set for uv, where the environment has none that says the same."""
    wanted = {}
    for option, (variables, glue) in NAMES.items():
        values = [os.path.expanduser(word) for word in pip.get(option, "").split()]  # noqa: PTH111 - may be an address
        if values and not any(variable in environ for variable in variables):
            wanted[variables[0]] = glue.join(values)
    # pip takes the best version of all its indexes, uv the first index that has the name: the
    # pinned version may be in another one. With hashes required both are equally safe.
    if "UV_INDEX_STRATEGY" not in environ:
        wanted["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return wanted


def configured(without: str = "") -> dict[str, str]:
    """What to set for uv here; `without`: one of pip's options to leave out."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    return for_uv(
        {option: value for option, value in options(listing).items() if option != without}, os.environ
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", default="", metavar="OPTION", help="one of pip's options to leave out")
    for variable, value in configured(parser.parse_args().without).items():
        print(f"export {variable}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
