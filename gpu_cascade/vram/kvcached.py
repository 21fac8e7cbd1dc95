"""kvcached lends KV cache pages from one running engine to another: why `vram.mode` cannot be that here."""

from ..engines.vllm_build import Build
from ..errors import ConfigError

# kvcached 0.1.6 replaces functions inside vLLM. Its wheel names 0.17 as the oldest it patches and 0.30 as the
# newest it was tried with; 0.32 calls one of them (`request_memory`) with an argument more than it takes.
PATCHES = ((0, 17), (0, 30))
CURE = "use auto, which moves memory by sleep and restart"


def refuse(build: Build | None) -> None:
    """Raises `ConfigError` with the reason that holds for that vLLM; None: none is asked, only a plan."""
    oldest, newest = (".".join(map(str, version)) for version in PATCHES)
    if build is None:
        why = "pages are lent while engines run, so there is no split to plan"
    elif build.cpu:
        why = "kvcached maps GPU memory, and the installed vLLM computes on the processor"
    elif not PATCHES[0] <= build.minor <= PATCHES[1]:
        why = f"kvcached 0.1.6 fits vLLM {oldest} to {newest}, and {build.version} is installed"
    else:
        why = f"kvcached fits vLLM {build.version}, but nobody has measured yet what it gives back"
    raise ConfigError(f"vram.mode: kvcached is not available: {why}; {CURE}")
