"""What stands in config.json, and what a model's class adds to it."""

import json

import pytest

from gpu_cascade.errors import ModelError
from gpu_cascade.vram.footprint.hf_config import number, optional, quantised, read, text_of


@pytest.mark.parametrize("text", ["{", "[1]", "\xff"])
def test_a_config_that_is_none_is_named(tmp_path, text):
    """Broken, no object, or no text: the folder and what is wrong."""
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))

    with pytest.raises(ModelError, match=rf"{tmp_path.name}.*is it a model's folder\?"):
        read(tmp_path)


def test_a_missing_config_is_named(tmp_path):
    """So is a folder without one."""
    with pytest.raises(ModelError, match="no readable config"):
        read(tmp_path / "gone")


def test_a_config_as_it_stands(tmp_path):
    """Nothing is added to what is read."""
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 8}))

    assert {"hidden_size": 8} == read(tmp_path)


@pytest.mark.parametrize(
    "wrapper",
    [
        lambda text: text,
        lambda text: {"text_config": text, "vision_config": {"hidden_size": 1}},
        lambda text: {"thinker_config": {"text_config": text}},
        lambda text: {"llm_config": text},
    ],
)
def test_the_text_model_in_a_wrapper(wrapper):
    """Pictures and sound around it do not matter to what it remembers."""
    assert 64 == text_of(wrapper({"hidden_size": 64}))["hidden_size"]


def test_a_class_fills_in_what_is_missing():
    """Gemma 3's smaller models leave their heads to the class; what stands there wins."""
    text = text_of({"text_config": {"model_type": "gemma3_text", "num_key_value_heads": 16}})

    assert (8, 16, 256) == (text["num_attention_heads"], text["num_key_value_heads"], text["head_dim"])


@pytest.mark.parametrize(
    ("config", "tied"),
    [
        ({"model_type": "llama"}, False),
        ({"model_type": "gemma2"}, True),
        ({"model_type": "llama", "tie_word_embeddings": True}, True),
        ({"tie_word_embeddings": True, "text_config": {"model_type": "llama"}}, True),
        ({"tie_word_embeddings": True, "text_config": {"tie_word_embeddings": False}}, False),
    ],
)
def test_whether_embeddings_are_tied(config, tied):
    """By the text model, else by what is around it, else by the class."""
    assert tied is text_of(config)["tie_word_embeddings"]


def test_zero_and_null_are_missing():
    """As vLLM takes them: the next name counts."""
    text = {"head_dim": 0, "n_head": None, "size": 4.0, "multi": True}

    assert 4 == number(text, "head_dim", "n_head", "size")
    assert optional(text, "multi", "gone") is None
    with pytest.raises(ModelError, match="of a nameless model has no head_dim"):
        number(text, "head_dim", "gone")


def test_how_a_checkpoint_is_quantised():
    """Under either of two names, in either part."""
    assert {} == quantised({"text_config": {}})
    assert {"bits": 4} == quantised({"text_config": {"quantization_config": {"bits": 4}}})
    assert {"bits": 8} == quantised({"compression_config": {"bits": 8}})
