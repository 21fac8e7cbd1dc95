"""What is said of a models.yaml that says something wrong."""

import pytest

from .texts import GOOD, refusal

# Each case: what is replaced in GOOD, by what, the line that is told, and a part of the sentence.

PAIR = "{model: org/large}"
TIERS = "tiers: [small, large]"
THRESHOLD = "threshold: -0.9"
WRONG = {
    "unknown key": ("cascades:", "cascadse:", 4, "cascadse: is not known here; did you mean cascades?"),
    "choices": (
        PAIR,
        "{modle: x}",
        3,
        "engines.large.modle: is not known here; did you mean model? (choices: api_",
    ),
    "inner choices": (
        PAIR,
        "{model: m, kv: {max: 1}}",
        3,
        "engines.large.kv.max: is not known here (choices: min_tokens)",
    ),
    "verify": (
        THRESHOLD,
        "verify: {bye: small}",
        7,
        "policy.verify.bye: is not known here; did you mean by?",
    ),
    "a signal": (
        THRESHOLD,
        "signal: entropy",
        7,
        "signal: 'entropy' is not known here; did you mean entropy_",
    ),
    "a judge that drafts": (
        THRESHOLD,
        "threshold: 0\n    verify: {by: small, width: 1, min: 1}",
        8,
        "policy.verify.by: small writes the drafts; name a larger engine",
    ),
    "an unknown judge": (
        THRESHOLD,
        "threshold: 0\n    verify: {by: lrge, width: 1, min: 1}",
        8,
        "policy.verify.by: lrge is not known here; did you mean large?",
    ),
    "a second look by hand": (
        THRESHOLD,
        "threshold: 0\n    verify: {by: large}",
        8,
        "policy.verify: needs width and min beside a threshold",
    ),
    "a second look of its own": (
        THRESHOLD,
        "calibration: c.json\n    verify: {by: large, min: 0.5}",
        8,
        "policy.verify.min: stands beside a calibration",
    ),
    "a gate by hand": (THRESHOLD, "threshold: 0\n    gate: auto", 8, "policy.gate: auto needs a calibration"),
    "a monitor by hand": (
        THRESHOLD,
        "threshold: 0\n    monitor: {}",
        8,
        "policy.monitor: needs a calibration, which says how often tiers disagree",
    ),
    "ours alone": ("cascades:", "path: /etc\ncascades:", 4, "path: is not known here"),
    "number": (
        PAIR,
        "{model: m, max_model_len: 8k}",
        3,
        "engines.large.max_model_len: '8k' must be a whole number",
    ),
    "text": (PAIR, "{model: 1.5}", 3, "engines.large.model: 1.5 must be text; put it in quotes"),
    "no engine": (PAIR, "large", 3, "engines.large: 'large' must be a mapping"),
    "no list": (TIERS, "tiers: small", 6, "cascades.policy.tiers: 'small' must be a list"),
    "a dash": (PAIR, "{model: '--help'}", 3, "engines.large.model: '--help' must not start with '-'"),
    "range": (
        PAIR,
        "{model: m, tensor_parallel: 0}",
        3,
        "engines.large.tensor_parallel: 0 must be at least 1",
    ),
    "a huge number": (PAIR, "{model: m, max_num_seqs: " + "9" * 5000 + "}", 3, "max_num_seqs: '9999"),
    "dtype": (
        PAIR,
        "{model: m, dtype: fp16}",
        3,
        "dtype: 'fp16' must be 'auto', 'bfloat16', 'float16' or 'float32'",
    ),
    "missing model": (PAIR, "{dtype: auto}", 3, "engines.large: model is missing: a hub id or a folder"),
    "missing tiers": (TIERS, "stream: hold", 5, "cascades.policy.tiers: is missing"),
    "model and url": (PAIR, "{model: m, url: 'http://h/v1'}", 3, "engines.large: has both model and url"),
    "name of a url": (PAIR, "{url: 'http://h/v1'}", 3, "engines.large: name is missing"),
    "key of a model": (
        PAIR,
        "{model: m, api_key_env: K}",
        3,
        "engines.large.api_key_env: only goes with url",
    ),
    "kv of a url": (
        PAIR,
        "{url: 'http://h/v1', name: n, kv: {}}",
        3,
        "engines.large.kv: only goes with model",
    ),
    "no address": (
        PAIR,
        "{url: 'h:1/v1', name: n}",
        3,
        "url: 'h:1/v1' must be an address such as https://host/v1",
    ),
    "own address": (PAIR, "{url: 'http://localhost:8000/v1', name: n}", 3, "is the gateway's own address"),
    "twice there": (
        PAIR,
        "{url: 'http://h/v1', name: n}\n  third: {url: 'http://h/v1/', name: n}",
        4,
        "engines.third.url: http://h/v1 with name n stands twice",
    ),
    "engine name": ("large: {", "'la/rge': {", 3, "engines.la/rge: a name is 1 to 64 letters"),
    "one name for two": ("policy:", "small:", 5, "cascades.small: has the name of an engine"),
    "unknown engine": (
        TIERS,
        "tiers: [small, larg]",
        6,
        "tiers[1]: larg is not known here; did you mean large? (choices: la",
    ),
    "no tiers": (TIERS, "tiers: []", 6, "cascades.policy.tiers: is empty; a cascade needs at least 2"),
    "one tier": (TIERS, "tiers: [small]", 6, "cascades.policy.tiers: has 1; a cascade needs at least 2"),
    "a tier twice": (TIERS, "tiers: [small, small]", 6, "cascades.policy.tiers[1]: small stands twice"),
    "infinite": (THRESHOLD, "threshold: -.inf", 7, "cascades.policy.threshold: -inf must be a finite number"),
    "not a number": (
        THRESHOLD,
        "threshold: .nan",
        7,
        "cascades.policy.threshold: nan must be a finite number",
    ),
    "beyond floats": (
        THRESHOLD,
        "threshold: 1e999",
        7,
        "cascades.policy.threshold: inf must be a finite number",
    ),
    "a word": (
        THRESHOLD,
        "threshold: low",
        7,
        "threshold: 'low' must be a finite number (in nats), keep_all or",
    ),
    "no threshold": (THRESHOLD, "stream: hold", 5, "cascades.policy: threshold is missing"),
    "commit with a check": (
        THRESHOLD,
        "threshold: 0\n    stream: commit\n    checks: {completeness: {}}",
        9,
        "cascades.policy.checks: does not go with stream: commit, which shows a sure draft before its end",
    ),
    "commit with a second look": (
        THRESHOLD,
        "threshold: 0\n    stream: commit\n    verify: {by: large, width: 0.5, min: 0.7}",
        9,
        "cascades.policy.verify: does not go with stream: commit",
    ),
    "commit with early abort": (
        THRESHOLD,
        "threshold: 0\n    stream: commit\n    early_abort: on",
        9,
        "cascades.policy.early_abort: does not go with stream: commit",
    ),
    "a commit after nothing": (THRESHOLD, "commit_after: 0", 7, "commit_after: 0 must be at least 1"),
    "a race of three": (
        TIERS,
        "tiers: [small, large, third]\n    stream: race",
        6,
        "cascades.policy.tiers: has 3 engines; stream: race is between 2",
    ),
    "both": (THRESHOLD, "threshold: 0\n    calibration: c.json", 7, "threshold: stands beside a calibration"),
    "signal and calibration": (
        THRESHOLD,
        "signal: logprob_quantile\n    calibration: c.json",
        7,
        "signal: stands beside a calibration",
    ),
    "sampling key": (
        THRESHOLD,
        "sampling: {temperture: 0}",
        7,
        "sampling.temperture: is not known here; did you mean temp",
    ),
    "sampling range": (
        THRESHOLD,
        "sampling: {top_p: 2}",
        7,
        "sampling: top_p must lie between 0 and 1",
    ),
    "sampling number": (THRESHOLD, "sampling: {top_k: 1.5}", 7, "top_k must be a whole number"),
    "port": (
        "cascades:",
        "gateway: {port: 80000}\ncascades:",
        4,
        "gateway.port: 80000 must be at most 65535",
    ),
    "cors": (
        "cascades:",
        "gateway: {cors: ['*']}\ncascades:",
        4,
        "gateway.cors[0]: '*' must be an origin such as",
    ),
    "store": ("cascades:", "traces: {store: t.db}\ncascades:", 4, "traces.store: must be sqlite:///FILE"),
    "our flag": (
        PAIR,
        "{model: m, args: {port: 1}}",
        3,
        "engines.large.args.port: may not stand in args (--port): gpu-c",
    ),
    "its beginning": (
        PAIR,
        "{model: m, args: {--gpu_memory_util: 1}}",
        3,
        "may not stand in args (--gpu-memory-utilization)",
    ),
    "no flag": (PAIR, "{model: m, args: {'a b': 1}}", 3, "args.a b: must be the name of a vLLM flag"),
    "a list of args": (
        PAIR,
        "{model: m, args: {a: [1]}}",
        3,
        "args.a: must be text, a number, true, false or nul",
    ),
    "args twice": (PAIR, "{model: m, args: {a-b: 1, a_b: 2}}", 3, "a flag stands twice in two spellings"),
    "duplicate key": (
        "  large:",
        "  small:",
        3,
        "the key 'small' stands here and on line 2; keep one of them",
    ),
    "a tag": (
        PAIR,
        "!!python/object/apply:os.system ['true']",
        3,
        "the tag tag:yaml.org,2002:python/object/apply:os",
    ),
    "a merge": (PAIR, "{<<: {model: m}}", 3, "merge keys (<<) are not supported"),
    "a key that is none": (PAIR, "{[a]: b}", 3, "a key must be a word"),
    "not YAML": (PAIR, "{model: m", 4, "not YAML:"),
    "an unknown alias": (PAIR, "*nobody", 3, "not YAML:"),
    "a second document": ("cascades:", "---\ncascades:", 4, "not YAML:"),
    "no mapping": (GOOD, "- a\n- b\n", 1, "must be a mapping with `engines` and `cascades`, not a list"),
    "no engines": (GOOD, "cascades: {}\n", 1, "engines: is missing"),
    "empty sections": (GOOD, "engines: {}\ncascades: {}\n", 1, "engines: names no engine"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_error_names_file_line_key_and_choices(write, case):
    """Each mistake is told with its place, the value, and what may stand there."""
    old, new, line, sentence = WRONG[case]
    assert GOOD.count(old) >= 1
    path = write(GOOD.replace(old, new, 1))

    told = refusal(path).splitlines()

    assert any(one.startswith(f"{path}:{line}: ") and sentence in one for one in told), told


def test_several_problems_are_told_at_once_in_the_order_of_the_file(write):
    """A file is mended in one go; after ten lines only their number is told."""
    engines = "".join(f"  e{i}: {{model: {i}}}\n" for i in range(14))
    told = refusal(write(GOOD.replace("cascades:\n", engines + "cascades:\n"))).splitlines()

    assert [int(line.split(":")[1]) for line in told[:10]] == list(range(4, 14))
    assert told[10:] == ["… and 4 more"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PAIR, "{url: 'https://me:hunter2@h/v1', name: n}"),
        (PAIR, "{url: 'https://h/v1?key=hunter2', name: n}"),
        (PAIR, "{url: 'https://me:hunter[2@h/v1', name: n}"),
        (PAIR, "{url: 'https://h/v1', name: n, api_key_env: sk-hunter2}"),
        (PAIR, "{url: 'https://h/v1', name: n, api_key: hunter2}"),
        (PAIR, "{model: m, args: {api-key: hunter2}}"),
        ("cascades:", "traces: {store: 'postgresql://me:hunter2@h/db'}\ncascades:"),
        ("cascades:", "traces: {store: 'mysql://me:hunter2@h/db'}\ncascades:"),
    ],
)
def test_a_secret_is_not_repeated(write, old, new):
    """A key or password that was put in the file by mistake stays out of the terminal."""
    assert "hunter" not in refusal(write(GOOD.replace(old, new)))
