"""What the planner is asked: what each engine takes, and what it could be made into."""

from gpu_cascade.planning.machine import here, named
from gpu_cascade.planning.wants import wants
from gpu_cascade.staging.wants import learned
from gpu_cascade.vram.footprint import GIB
from gpu_cascade.vram.footprint.readings import What
from gpu_cascade.vram.plan.want import ESCALATED, Change

from .made import gpu, key


def test_engines_that_are_started_here_are_asked_for(config):
    """In their order, the first tier drafting; who is elsewhere takes nothing here."""
    asked = wants(config(), named(config(), "1xH200"))

    assert ["small", "large", "spare"] == [one.name for one in asked]
    assert [True, False, False] == [one.drafts for one in asked]
    assert [1.0, ESCALATED, 1.0] == [one.weight for one in asked]
    assert all(8192 == one.max_model_len for one in asked)


def test_a_model_that_is_here_is_read(config, tiny):
    """Its files say what it takes, and that is no estimate."""
    made = config(swap=tiny)

    small = wants(made, named(made, "1xH200"))[0]

    assert 1024 * 64 * 2 == small.footprint.weights  # rows are padded to 64
    assert () == small.footprint.estimated


def test_a_known_model_is_asked_for_as_serve_would(config, tiny, this):
    """But for its bytes: as many tokens and requests, as often, on a processor too."""
    for cpu in (True, False):
        this(gpu(), cpu=cpu)
        known, read = (wants(made, here(made))[0] for made in (config(), config(swap=tiny)))
        for field in ("name", "min_tokens", "max_model_len", "max_num_seqs", "weight", "drafts", "fills"):
            assert getattr(read, field) == getattr(known, field)


def test_what_an_engine_could_be_made_into(config):
    """All that GPUs allow; only as many ranks as there are GPUs of a kind and as divide its heads."""
    asked = wants(config(), named(config(), "8xH100"), varied=True)[0]

    ranks = [one.tensor_parallel for one in asked.variants if one.change is Change.TENSOR_PARALLEL]
    assert [2, 4] == ranks  # 12 heads cannot be divided by 8
    assert {*Change} - {Change.MIN_TOKENS, Change.MAX_MODEL_LEN} == {one.change for one in asked.variants}
    smaller = {one.change: one.footprint for one in asked.variants}
    assert smaller[Change.EAGER].overhead < asked.footprint.overhead
    assert smaller[Change.KV_FP8].kv.page_bytes == asked.footprint.kv.page_bytes // 2
    assert (
        smaller[Change.WEIGHTS_4BIT].weights < smaller[Change.WEIGHTS_FP8].weights < asked.footprint.weights
    )


def test_a_change_of_what_was_measured_is_the_computed_difference(config, tiny, this):
    """Without graphs an engine that took 2 GiB more than computed still does."""
    this(gpu())
    made = config(swap=tiny)
    on = here(made)
    before = wants(made, on)[0].footprint
    learned(made).record(key(made, on), What.RESIDENT_BYTES, before.resident(0) + 2.0 * GIB)

    after = wants(made, on, varied=True)[0]

    eager = next(one.footprint for one in after.variants if one.change is Change.EAGER)
    assert after.footprint.resident(0) > eager.resident(0) > before.resident(0) + GIB


def test_what_is_done_already_is_not_proposed(config):
    """Eager, fp8 and quantised already."""
    made = config(", quantization: fp8, args: {enforce-eager: true, kv-cache-dtype: fp8}")

    assert () == wants(made, named(made, "1xH200"), varied=True)[0].variants


def test_nothing_is_proposed_on_a_processor(config, this):
    """It has no graphs, no ranks, and computes in 16 bits."""
    this(cpu=True)

    assert [(), (), ()] == [one.variants for one in wants(config(), here(config()), varied=True)]


def test_on_a_mixed_machine_the_larger_need_counts(config):
    """Large GPUs make larger steps; the plan holds wherever the engine goes."""
    mixed = wants(config(), named(config(), "2xL4+1xH200"))[0].footprint
    small = wants(config(), named(config(), "2xL4"))[0].footprint

    assert mixed.overhead > small.overhead


def test_on_a_mixed_machine_a_change_is_measured_where_the_engine_takes_most(config):
    """In whatever order the GPUs are: what a cure saves is what it saves there."""
    one, other = (
        wants(config(), named(config(), gpus), varied=True)[0] for gpus in ("1xL4+1xH200", "1xH200+1xL4")
    )

    assert one == other
