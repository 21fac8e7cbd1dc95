"""The image's recipe, read: who runs in it, what is copied, how its health is known."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def steps():
    """The instructions in order: (name, rest of the line), continued lines joined, comments out."""
    text = (ROOT / "Dockerfile.cuda").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()]
    return [tuple(line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def named(steps, name):
    return [rest for step, rest in steps if step == name]


def test_nothing_is_latest(steps):
    """Base images are pinned to a version: the same recipe gives the same image."""
    images = [rest.split()[0] for rest in named(steps, "FROM")]

    assert images
    assert all(re.search(r":\d+\.\d+", image) for image in images)
    assert not any("latest" in rest for _, rest in steps)


def test_it_does_not_run_as_root(steps):
    """The last user is not root, and nothing is installed after the change."""
    order = [step for step, _ in steps]

    assert named(steps, "USER")
    assert named(steps, "USER")[-1] not in ("root", "0")
    assert "RUN" not in order[len(order) - order[::-1].index("USER") :]


def test_health_is_asked_of_the_gateway(steps):
    """The health check asks /healthz at the port that is served."""
    (check,) = named(steps, "HEALTHCHECK")
    (command,) = named(steps, "CMD")
    port = re.search(r'"--port", "(\d+)"', command).group(1)

    assert f"http://127.0.0.1:{port}/healthz" in check
    assert [port] == named(steps, "EXPOSE")


def test_state_outlives_the_container(steps):
    """Decisions and weights lie in volumes, where the programs look for them."""
    environment = " ".join(named(steps, "ENV"))
    (volumes,) = named(steps, "VOLUME")

    assert "GPU_CASCADE_STATE=/var/lib/gpu-cascade " in environment
    assert "GPU_CASCADE_CACHE=/var/cache/gpu-cascade " in environment
    assert '"/var/lib/gpu-cascade"' in volumes
    assert '"/var/cache/gpu-cascade"' in volumes


def test_what_is_copied_is_there(steps):
    """Every path exists and is not hidden from the build by .dockerignore."""
    copied = [path for rest in named(steps, "COPY") for path in rest.split()[:-1]]
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert "gpu_cascade" in copied
    assert all((ROOT / path).exists() for path in copied)
    assert all(Path(path).parts[0] in let_in for path in copied)


def test_everything_installed_is_pinned(steps):
    """What comes from an index comes with hashes; our own wheel comes from no index."""
    installs = [part for rest in named(steps, "RUN") for part in rest.split("&&") if "pip install" in part]

    assert 3 == len(installs)
    assert all("--require-hashes" in part or "--offline" in part for part in installs)
