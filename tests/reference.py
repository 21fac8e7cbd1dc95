"""What transformers says of the same weights: the truth that vLLM's answers are held against.

torch is imported where it is used: collecting the tests must not cost ten seconds.
"""

from functools import cache

from gpu_cascade.models import resolve


@cache
def reference(name):
    """The same weights in transformers, in float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = resolve(name)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return AutoTokenizer.from_pretrained(folder), model.eval()


def own_logprobs(name, prompt_ids, answer_ids):
    """Transformers' log-softmax of each answer token, given all before it."""
    import torch

    _, model = reference(name)
    with torch.no_grad():
        logits = model(torch.tensor([prompt_ids + answer_ids])).logits[0].float()
    rows = torch.log_softmax(logits[len(prompt_ids) - 1 : -1], dim=-1)
    return [rows[place, token].item() for place, token in enumerate(answer_ids)]


def prompt_ids(name, question):
    tokenizer, _ = reference(name)
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
    )
    return tokenizer(text, add_special_tokens=False).input_ids


def token_ids(name, tokens):
    """The ids of an answer's tokens, as the engine spelled them."""
    tokenizer, _ = reference(name)
    by_text = {tokenizer.decode([number]): number for number in range(len(tokenizer))}
    return [by_text[token["token"]] for token in tokens]


def greedy(name, question, count):
    """Transformers' own greedy answer, and the gap between its two best tokens at each place."""
    import torch

    tokenizer, model = reference(name)
    ids = torch.tensor([prompt_ids(name, question)])
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        do_sample=False,
        max_new_tokens=count,
        output_logits=True,
        return_dict_in_generate=True,
        pad_token_id=tokenizer.eos_token_id,
    )
    best = [torch.log_softmax(row[0].float(), dim=-1).topk(2).values for row in made.logits]
    return made.sequences[0, ids.shape[1] :].tolist(), [(one - two).item() for one, two in best]
