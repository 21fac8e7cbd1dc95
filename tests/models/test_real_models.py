"""The demo models themselves, out of their packages: they are what they say they are, and speak."""

import json
import subprocess
import sys

import pytest

from gpu_cascade.models import CATALOGUE, Store, pull

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

# In a process of its own: the tests' process shall not hold torch.
LOOK = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
chat = [{"role": "user", "content": "What is the capital of France?"}]
asked = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt", return_dict=True)
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


def look(model):
    """The model's folder, pulled or proven to be what was pulled, seen by transformers."""
    store = Store.default()
    if not store.ready(model) or store.broken(model):
        pull([model.name], "packages")
    command = [sys.executable, "-W", "ignore", "-c", LOOK, str(store.folder(model))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_smollm2():
    """The original's size, tokens and template; digits stand alone, as its authors split them."""
    seen = look(CATALOGUE[0])

    assert ["torch.bfloat16"] == seen["dtypes"]
    assert 134_515_008 == seen["parameters"]
    assert seen["tied"]
    assert 2 == seen["eos"]
    assert ["<|im_start|>", "<|im_end|>", "<|im_end|>"] == seen["special"]
    assert seen["prompt"].startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM")
    assert seen["prompt"].endswith("<|im_start|>assistant\n")
    assert ["x", "\n\n", "1", ".", " at", "  ", "2", "0"] == seen["pieces"]
    assert seen["answer"].startswith("The capital of France is Paris.")


def test_qwen_coder():
    """The original's size (one matrix for input and output), both stop tokens, composed Unicode."""
    seen = look(CATALOGUE[1])

    assert ["torch.bfloat16"] == seen["dtypes"]
    assert 494_032_768 == seen["parameters"]
    assert seen["tied"]
    assert [151645, 151643] == seen["eos"]
    assert ["<|endoftext|>", "<|im_end|>", "<|endoftext|>"] == seen["special"]
    assert seen["prompt"].startswith("<|im_start|>system\nYou are Qwen, created by Alibaba Cloud.")
    assert seen["composed"]
    assert seen["answer"].startswith("The capital of France is Paris.")
