"""What lm-polygraph and ucci-router make of fixed tokens, for tests/cascade/golden_signals.json.

    python scripts/long/golden_signals.py           (a minute, in an environment of its own)
    python scripts/long/golden_signals.py --whole   (ten minutes and 7 GB, with all that lm-polygraph wants)

Both wrote the same bytes. Without `--whole` lm-polygraph comes without its dependencies (torch, transformers,
spacy, bitsandbytes and many more), of which the modules used here need three names: `without_dependencies`.

The tokens come from a vocabulary of ten that is whole in every list of alternatives: lm-polygraph's entropy
is of the whole vocabulary, ours lumps what lies beyond ten.
"""

import importlib
import json
import math
import random
import subprocess
import sys
import tempfile
import types
import venv
from importlib import metadata
from pathlib import Path
from typing import Any

OUTPUT = Path(__file__).parents[2] / "tests" / "cascade" / "golden_signals.json"
PACKAGES = ("lm-polygraph==0.7.*", "ucci-router==0.1.1")
LENGTHS = (1, 2, 3, 5, 8, 16, 17, 40, 64)
VOCABULARY = 10
INSIDE = "--inside"  # says that this is the environment


def main() -> None:
    if INSIDE in sys.argv:
        print(json.dumps(golden(), separators=(",", ":")))
        return
    whole = "--whole" in sys.argv
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder), whole=whole)
        ask = [python, __file__, INSIDE, *(["--whole"] if whole else [])]
        text = subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1]
    OUTPUT.write_text(text + "\n")
    print(f"{OUTPUT.name}: {len(text) / 1000:.0f} kB")


def environment(folder: Path, *, whole: bool) -> Path:
    """A Python that has the packages."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet"]
    if not whole:
        subprocess.run([*pip, "numpy"], check=True)
    subprocess.run([*pip, *PACKAGES] if whole else [*pip, "--no-deps", *PACKAGES], check=True)
    return python


def golden() -> dict[str, Any]:
    """Versions, tokens, and each package's uncertainty of them."""
    if "--whole" not in sys.argv:
        without_dependencies()
    tokens = [draft(random.Random(length), length) for length in LENGTHS]
    theirs = [dict(polygraph(one), ucci=ucci(one)) for one in tokens]
    return {
        "made_by": "scripts/long/golden_signals.py",
        "versions": {name: metadata.version(name) for name in ("lm-polygraph", "ucci-router", "numpy")},
        "drafts": [dict(one, uncertainty=found) for one, found in zip(tokens, theirs, strict=True)],
    }


def draft(dice: random.Random, length: int) -> dict[str, Any]:
    """Tokens sampled from distributions between flat and certain, all of them written out."""
    logprobs, tops = [], []
    for _ in range(length):
        top = normal([dice.gauss(0, dice.choice((0.3, 2, 6))) for _ in range(VOCABULARY)])
        tops.append(top)
        logprobs.append(dice.choices(top, [math.exp(value) for value in top])[0])
    return {"logprobs": logprobs, "tops": tops}


def normal(logits: list[float]) -> list[float]:
    mass = math.log(math.fsum(map(math.exp, logits)))
    return sorted((logit - mass for logit in logits), reverse=True)


def without_dependencies() -> None:
    """Packages whose `__init__` does not run, and the three names that heavy modules would give.

    `WhiteboxModel` and `Model` stand in annotations only; `polygraph_module_init` writes a line to the log.
    """
    where = Path(str(metadata.distribution("lm-polygraph").locate_file("lm_polygraph")))
    for name in ("", ".estimators", ".stat_calculators", ".utils"):
        package = types.ModuleType(f"lm_polygraph{name}")
        package.__path__ = [str(where.joinpath(name.removeprefix(".")))]
        sys.modules[package.__name__] = package
    model, common = (types.ModuleType(f"lm_polygraph.utils.{name}") for name in ("model", "common"))
    vars(model).update(WhiteboxModel=object, Model=object)
    vars(common).update(polygraph_module_init=lambda function: function)
    sys.modules |= {model.__name__: model, common.__name__: common}


def polygraph(tokens: dict[str, Any]) -> dict[str, float]:
    """lm-polygraph's classes, on the entropies that its own calculator makes of the distributions."""
    import numpy as np

    def theirs(module: str, name: str) -> Any:
        return getattr(importlib.import_module(f"lm_polygraph.{module}"), name)()

    stats = {"greedy_log_probs": [np.array(tokens["tops"])], "greedy_log_likelihoods": [tokens["logprobs"]]}
    stats |= theirs("stat_calculators.entropy", "EntropyCalculator")(stats)
    estimators = {
        "MaximumSequenceProbability": "max_probability",
        "Perplexity": "perplexity",
        "MeanTokenEntropy": "token_entropy",
    }
    return {
        name: float(theirs(f"estimators.{module}", name)(stats)[0]) for name, module in estimators.items()
    }


def ucci(tokens: dict[str, Any]) -> float:
    """ucci-router's u: 1 less the mean margin of the two likeliest tokens."""
    from ucci.signal import uncertainty_from_logprobs

    first, second = ([top[place] for top in tokens["tops"]] for place in (0, 1))
    return float(uncertainty_from_logprobs(first, second))


if __name__ == "__main__":
    main()
