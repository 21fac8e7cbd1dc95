"""The server's secret: made once, whole, and for its owner's eyes."""

import hashlib
import hmac

import pytest

from gpu_cascade.errors import ConfigError
from gpu_cascade.governance import secret


def test_it_is_made_once(tmp_path):
    """256 bits, readable by their owner only; the second to ask gets the same."""
    assert secret.read(tmp_path) is None

    made = secret.made(tmp_path)

    assert 32 == len(made)
    assert made == secret.made(tmp_path) == secret.read(tmp_path)
    assert 0o600 == (tmp_path / "keys.secret").stat().st_mode & 0o777
    assert ["keys.secret"] == [file.name for file in tmp_path.iterdir()]


def test_one_that_was_killed_while_making_it(tmp_path):
    """Half a file from before is no secret, and in nobody's way."""
    (tmp_path / "keys.secret.new").write_bytes(b"half")

    assert 32 == len(secret.made(tmp_path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_others_may_not_use_it(tmp_path, mode):
    """Any right of any other is refused, with the command that takes it away."""
    secret.made(tmp_path)
    path = tmp_path / "keys.secret"
    path.chmod(mode)

    with pytest.raises(ConfigError, match=rf"mode {mode:04o}.*chmod 600 {path}"):
        secret.read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_another_file_of_that_name(tmp_path, content):
    """A cut or foreign file would check no key and say nothing."""
    path = tmp_path / "keys.secret"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigError, match="does not hold 32 bytes"):
        secret.read(tmp_path)


def test_a_folder_of_that_name(tmp_path):
    """What cannot be read is a sentence."""
    (tmp_path / "keys.secret").mkdir(mode=0o700)

    with pytest.raises(ConfigError, match=r"keys\.secret cannot be read"):
        secret.read(tmp_path)


def test_the_mac_is_hmac_sha_256():
    """As anybody can compute it who has the secret."""
    assert hmac.new(b"s" * 32, b"gck_1", hashlib.sha256).digest() == secret.mac(b"s" * 32, b"gck_1")
