"""Which devices CUDA_VISIBLE_DEVICES leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_cascade.vram.gpu.visible import Slot, visible

GPU_0, GPU_2 = Slot(0, "GPU-8932f937-d72c"), Slot(2, "GPU-8960aaaa-0000")
SLICE_A, SLICE_B = Slot(1, "MIG-aa11", "GPU-4444"), Slot(1, "MIG-ab22", "GPU-4444")
SILENT = Slot(3, "")
SLOTS = [GPU_0, SLICE_A, SLICE_B, GPU_2, SILENT]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, SLOTS),
        ("", []),
        ("-1", []),
        ("0", [GPU_0]),
        ("2,0", [GPU_2, GPU_0]),
        (" 2 , 0 ", [GPU_2, GPU_0]),
        ("0,9,2", [GPU_0]),
        ("0,-1,2", [GPU_0]),
        ("0,,2", [GPU_0]),
        ("none", []),
        ("0,0", []),
        ("0,GPU-8932", []),
        ("3", [SILENT]),
        ("GPU-8932f937-d72c,GPU-896", [GPU_0, GPU_2]),
        ("GPU-89", []),
        ("GPU-8932f937-d72c-and-more", []),
        ("GPU-", []),
        ("1", [SLICE_A, SLICE_B]),
        ("GPU-4444", [SLICE_A, SLICE_B]),
        ("MIG-ab", [SLICE_B]),
        ("MIG-ab22,MIG-aa11", [SLICE_B, SLICE_A]),
        ("MIG-a", []),
        ("1,MIG-aa11", []),
    ],
)
def test_what_a_value_names(value, names):
    """Indices, beginnings of UUIDs, MIG instances; nothing from the first entry on that fits none or two."""
    assert names == visible(value, SLOTS)


ENTRIES = st.sampled_from(["0", "1", "2", "3", "7", "-1", "", "GPU-8932", "GPU-89", "MIG-aa11", "MIG-", "x"])


@given(st.lists(ENTRIES), st.lists(ENTRIES))
def test_what_follows_an_invalid_entry_does_not_matter(before, after):
    """And no device is ever named twice."""
    found = visible(",".join([*before, "wrong", *after]), SLOTS)

    assert visible(",".join([*before, "wrong"]), SLOTS) == found
    assert len(set(found)) == len(found)
