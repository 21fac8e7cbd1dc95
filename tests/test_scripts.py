"""The shell's side: what setup says before it does anything, and what uv is told of pip's configuration."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from uv_env import for_uv, options  # noqa: E402 - the folder is no package

LISTING = r"""
:env:.default-timeout='180'
:env:.find-links='/wheels ~/more'
global.cert='/etc/ssl/ca.crt'
global.extra-index-url='https://a.example/simple\nhttps://b.example/simple'
global.find-links='/ignored'
global.index-url='https://global.example/simple'
install.index-url='https://install.example/simple'
freeze.timeout='3'
"""


def test_pips_options_as_install_sees_them():
    """The environment wins over the section `install`, that over `global`; other sections do not count."""
    found = options(LISTING)

    assert "https://install.example/simple" == found["index-url"]
    assert "/wheels ~/more" == found["find-links"]
    assert "180" == found["timeout"]


def test_uv_is_told_the_same(monkeypatch):
    """Several values are joined as each variable of uv wants them; ~ is the user's home."""
    monkeypatch.setenv("HOME", "/home/me")

    told = for_uv(options(LISTING), {})

    assert "/wheels,/home/me/more" == told["UV_FIND_LINKS"]
    assert "https://a.example/simple https://b.example/simple" == told["UV_EXTRA_INDEX_URL"]
    assert "https://install.example/simple" == told["UV_DEFAULT_INDEX"]
    assert "/etc/ssl/ca.crt" == told["SSL_CERT_FILE"]
    assert "unsafe-best-match" == told["UV_INDEX_STRATEGY"]


def test_what_the_user_set_for_uv_stays():
    """UV_INDEX_URL is uv's older name for the same: neither is overwritten."""
    told = for_uv(
        options(LISTING), {"UV_INDEX_URL": "x", "UV_FIND_LINKS": "", "UV_INDEX_STRATEGY": "first-index"}
    )

    assert not {"UV_DEFAULT_INDEX", "UV_FIND_LINKS", "UV_INDEX_STRATEGY"} & told.keys()


def test_without_configuration_uv_needs_no_more_than_the_strategy():
    """An unconfigured pip adds nothing."""
    assert {"UV_INDEX_STRATEGY": "unsafe-best-match"} == for_uv(options(""), {})


def test_no_python_is_one_sentence(tmp_path):
    """Only old Pythons on the PATH: the sentence says which are needed, and nothing is made."""
    for name in ("bash", "cat", "dirname", "env"):
        (tmp_path / name).symlink_to(
            next(f"{d}/{name}" for d in ("/bin", "/usr/bin") if Path(d, name).exists())
        )
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    done = setup({"PATH": str(tmp_path)})

    assert 1 == done.returncode
    assert done.stderr.startswith("No Python 3.11, 3.12 or 3.13 with the venv module is on the PATH")


def test_unknown_device_is_refused():
    """A typing error in GPU_CASCADE_DEVICE is not taken for a processor."""
    done = setup({**os.environ, "GPU_CASCADE_DEVICE": "tpu"})

    assert 1 == done.returncode
    assert "GPU_CASCADE_DEVICE is 'tpu': it must be cpu or cuda." == done.stderr.strip()


def setup(environ):
    return subprocess.run(
        [ROOT / "scripts" / "setup"], env=environ, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", ["setup", "lock", "check", "test"])
def test_scripts_stop_at_the_first_failure(script):
    """Each can be started, and none goes on after a failed step."""
    path = ROOT / "scripts" / script

    assert os.access(path, os.X_OK)
    assert "set -euo pipefail" in path.read_text()
