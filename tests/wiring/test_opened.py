"""What `serve` refuses before it starts anything."""

import pytest

from gpu_cascade.config import at, from_pair
from gpu_cascade.errors import ConfigError
from gpu_cascade.governance import Wanted, create, revoke
from gpu_cascade.wiring import Options, opened


@pytest.fixture
def config(tmp_path):
    """Two models in an empty folder."""
    return from_pair("a/small", "a/large").model_copy(update={"base": tmp_path})


async def refusal(config, api_key=None):
    with pytest.raises(ConfigError) as refused:
        async with opened(config, Options(api_key, fake=True)):
            pass
    return refused.value.message


@pytest.mark.parametrize("api_key", [None, ""])
async def test_a_key_is_needed_and_there_is_none(config, api_key):
    """Beyond loopback, or where it is required; an empty variable and a revoked key are none."""
    create(config.state_dir, Wanted("ann"))
    revoke(config.state_dir, "ann")
    required = config.governance.model_copy(update={"keys": "required"})

    beyond = await refusal(at(config, "0.0.0.0").model_copy(update={"base": config.base}), api_key)
    everywhere = await refusal(config.model_copy(update={"governance": required}), api_key)

    assert "gateway.host is 0.0.0.0" in beyond
    assert "governance.keys is required" in everywhere
    for told in (beyond, everywhere):
        assert "gpu-cascade keys create" in told
        assert "GPU_CASCADE_API_KEY" in told


async def test_keys_that_cannot_be_checked(config):
    """Said at the start, with the cure, and not to the first client."""
    create(config.state_dir, Wanted("ann"))
    (config.state_dir / "keys.secret").chmod(0o640)

    assert "chmod 600" in await refusal(config)
