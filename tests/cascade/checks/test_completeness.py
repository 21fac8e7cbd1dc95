"""Which drafts are whole, and what is said of those that are not."""

import pytest
import regex
from hypothesis import given

from gpu_cascade.cascade.checks.completeness import look
from gpu_cascade.cascade.checks.refusals import refuses

from .texts import ANY_MARKUP, ANY_TEXT, draft, hostile, request

ASK = request("Is travel refundable?")
LONG = " Travel is refundable within 30 days of the booking if the form is complete." * 6


def parts(*patterns):
    return [regex.compile(pattern) for pattern in patterns]


CASES = {
    "whole": ("Yes, within 30 days.", "stop", 1.0, "whole"),
    "tool calls": ("done", "tool_calls", 1.0, "whole"),
    "empty": ("", "stop", 0.0, "0 characters, all blank"),
    "blank": (" \n\t ", "stop", 0.0, "4 characters, all blank"),
    "cut": ("Yes, within", "length", 0.2, "cut by max_tokens after 11 characters"),
    "aborted": ("Yes, within", "abort", 0.0, "finish reason abort"),
    "unknown end": ("Yes", "", 0.0, "finish reason "),
    "refused": ("I cannot help with that.", "stop", 0.1, "opens with a refusal, 24 characters"),
    "refused at length": (
        "I'm sorry, but I can't." + LONG,
        "stop",
        0.5,
        "opens with a refusal, 479 characters",
    ),
    "JSON": ('{"a": [1, 2]}', "stop", 1.0, "whole"),
    "open object": ('{"a": [1, 2', "stop", 0.4, "JSON with 2 brackets left open"),
    "open string": ('{"a": "x]}', "stop", 0.4, "JSON with 1 brackets left open"),
    "open escape": ('["a\\', "stop", 0.4, "JSON with 1 brackets left open"),
    "open list": (' [{"a": "}"}, ', "stop", 0.4, "JSON with 1 brackets left open"),
    "a reference": ("[1] says that travel is refundable.", "stop", 1.0, "whole"),
    "closed, but no JSON": ("{'a': 1}", "stop", 1.0, "whole"),
    "open fence": ("```python\nprint(1)", "stop", 0.6, "1 code fences, one left open"),
    "closed fence": ("```python\nprint(1)\n```", "stop", 1.0, "whole"),
    "lowest of several": ("I cannot help: ```", "length", 0.1, "opens with a refusal, 18 characters"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_score_is_the_lowest_of_what_is_found(case):
    """Each kind of incompleteness has its score, and the evidence says which it was."""
    text, finish_reason, score, evidence = CASES[case]

    assert (score, evidence) == look(ASK, draft(text, finish_reason))


@pytest.mark.parametrize(
    ("patterns", "score"),
    [
        ([], 1.0),
        (["Total:"], 1.0),
        (["Total:", r"\d+ EUR"], 1.0),
        (["Total:", "VAT:"], 0.35),
        (["VAT:"], 0.0),
        (["Total:", "Total", "total", r"^\d"], 0.35),
    ],
)
def test_missing_parts_pull_the_score_down(patterns, score):
    """One missing part of many is enough to fall below the usual minimum of 0.8; case counts."""
    found, evidence = look(ASK, draft("Total: 40 EUR"), required=parts(*patterns))

    assert score == pytest.approx(found)
    assert "whole" == evidence if score == 1.0 else "required parts" in evidence


def test_a_pattern_that_takes_too_long_is_unknown():
    """No number stands for what could not be looked at, whatever else was found."""
    score, evidence = look(ASK, draft("x" * 5000, "length"), required=parts(r"(x+x+)+y", "z"))

    assert score is None
    assert "1 of 2 required parts could not be looked for in time" == evidence


REFUSALS = [
    "I cannot help with that.",
    "I can’t do this.",
    "I'm sorry, but I can't assist with that request.",
    "I am very sorry, I am unable to answer.",
    "Sorry, I cannot find it.",
    "I apologize for the confusion, but I cannot answer.",
    "Unfortunately, I don't have access to your files.",
    "As an AI language model, I have no opinions.",
    "I'm sorry, but as an AI I cannot.",
    "  **I'm not able to say.**",
    "Es tut mir leid, aber ich kann dabei nicht helfen.",
    "Leider kann ich Ihnen das nicht sagen.",
    "Als KI habe ich keine Meinung.",
    "Je suis désolé, mais je ne peux pas répondre.",
    "Lo siento, pero no puedo ayudar con eso.",
    "Mi dispiace, ma non posso aiutarti.",
    "Desculpe, mas não posso ajudar.",
    "К сожалению, я не могу помочь.",
    "很抱歉，我不能回答这个问题。",
    "申し訳ありませんが、お答えできません。",
    "죄송하지만 도와드릴 수 없습니다.",
]
ANSWERS = [
    "Yes, within 30 days.",
    "We cannot refund travel after 30 days.",
    "I can help with that.",
    "I will not be at the office tomorrow.",
    "Sorry to hear that. Travel is refundable.",
    "Unfortunately, travel is not refundable.",
    "As an airline, they refund it.",
    "The guide says: I cannot be refunded.",
    "Ich kann Ihnen sagen, dass es geht.",
    "Non, je ne peux pas le dire.",
    "Können Sie das nicht?",
    "",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_known_by_its_beginning(text):
    """In ten languages, with or without an apology, whatever mark-up stands before it."""
    assert refuses(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_no_refusal(text):
    """Neither one that denies, nor one that apologises and answers, nor one that quotes a refusal."""
    assert not refuses(text)


@given(ANY_TEXT | ANY_MARKUP)
def test_any_text_has_a_score(text):
    """Whatever a model writes, nothing is raised and the score lies in [0, 1]."""
    score, _ = look(ASK, draft(text), required=parts("a", r"\s+$"))

    assert 0.0 <= score <= 1.0


@pytest.mark.parametrize("text", hostile(100_000).values(), ids=hostile(1))
def test_hostile_texts_have_a_score(text):
    """Long, deep and unreadable texts too."""
    score, _ = look(ASK, draft(text))

    assert 0.0 <= score <= 1.0
