"""The demo models themselves, out of their packages: they are what they are said to be, and speak."""

import json
import subprocess
import sys

import pytest

from gpu_cascade.models import CATALOGUE, Store, pull

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

# In a process of its own, and one for both: tests shall not hold torch, and its import takes seconds.
LOOK = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
for folder in sys.argv[1:]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    asked = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    answer = model.generate(**asked, max_new_tokens=24, do_sample=False)[0, asked["input_ids"].shape[1]:]
    print(json.dumps({
        "dtypes": sorted({str(p.dtype) for p in model.parameters()}),
        "parameters": sum(p.numel() for p in model.parameters()),
        "tied": model.config.tie_word_embeddings,
        "eos": model.generation_config.eos_token_id,
        "special": [tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token],
        "prompt": tokenizer.decode(asked["input_ids"][0]),
        "pieces": [tokenizer.decode([token]) for token in tokenizer.encode("x\\n\\n1. at  20")],
        "composed": tokenizer.encode("e\\u0301") == tokenizer.encode("\\u00e9"),
        "answer": tokenizer.decode(answer),
    }))
"""


@pytest.fixture(scope="module")
def seen():
    """What transformers sees in the folders, which were pulled or are proven to be what was pulled."""
    store = Store.default()
    pair = CATALOGUE[:2]
    if stale := [model.name for model in pair if not store.ready(model) or store.broken(model)]:
        pull(stale, "packages")
    command = [sys.executable, "-W", "ignore", "-c", LOOK, *(str(store.folder(model)) for model in pair)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_smollm2(seen):
    """The original's size, tokens and template; digits stand alone, as its authors split them."""
    small = seen[0]

    assert ["torch.bfloat16"] == small["dtypes"]
    assert 134_515_008 == small["parameters"]
    assert small["tied"]
    assert 2 == small["eos"]
    assert ["<|im_start|>", "<|im_end|>", "<|im_end|>"] == small["special"]
    assert small["prompt"].startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert small["prompt"].endswith("<|im_start|>assistant\n")
    assert ["x", "\n\n", "1", ".", " at", "  ", "2", "0"] == small["pieces"]
    assert small["answer"].startswith("The capital of France is Paris.")


def test_qwen_coder(seen):
    """The original's size (one matrix for input and output), both stop tokens, composed Unicode."""
    large = seen[1]

    assert ["torch.bfloat16"] == large["dtypes"]
    assert 494_032_768 == large["parameters"]
    assert large["tied"]
    assert [151645, 151643] == large["eos"]
    assert ["<|endoftext|>", "<|im_end|>", "<|endoftext|>"] == large["special"]
    assert large["prompt"].startswith("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud.")
    assert large["composed"]
    assert large["answer"].startswith("The capital of France is Paris.")
