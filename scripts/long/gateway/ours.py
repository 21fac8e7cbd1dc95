"""gpu-cascade in front of the stub: one worker, two engines at the same address, two cascades of them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpu_cascade import __version__

from .process import Gateway, free_port, started

# Hand-written thresholds: -0.1 nats stays, -3 escalates. Places for all that is asked at once, here and when
# thousands are held.
YAML = """
engines:
  small: {{url: "{url}/v1", name: small, max_num_seqs: 16384}}
  large: {{url: "{url}/v1", name: large, max_num_seqs: 16384}}
cascades:
  cascade: {{tiers: [small, large], threshold: -0.9, early_abort: off}}
  early: {{tiers: [small, large], threshold: -0.9, early_abort: on}}
gateway: {{port: {port}, deadline_s: 600}}
"""


@contextmanager
def gpu_cascade(stub: str, folder: Path, core: int) -> Iterator[Gateway]:
    """One `serve` with its state in `folder`, while the block runs."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    (folder / "models.yaml").write_text(YAML.format(url=stub, port=port))
    command = Path(sys.executable).with_name("gpu-cascade")
    argv = (command, "serve", "--config", folder / "models.yaml")
    env = {"GPU_CASCADE_STATE": str(folder / "state")}
    with started(argv, core, f"{url}/readyz", folder, env) as pid:
        yield Gateway(url, __version__, pid)
