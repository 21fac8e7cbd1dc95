"""Which prompts are sent up without a draft."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpu_cascade.cascade.gate import LOOKED, PROMPT_FEATURES, Gate, prompt_features
from gpu_cascade.errors import ConfigError
from gpu_cascade.types import Request

from .drafts import fastest_us

D = len(PROMPT_FEATURES)
examples = settings(max_examples=200)
texts = st.text(max_size=200)
contents = st.one_of(texts, st.lists(texts.map(lambda text: {"type": "text", "text": text}), max_size=3))
conversations = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "user", "assistant"]),
        contents,
    ),
    min_size=1,
    max_size=4,
)


def ask(*contents):
    return [{"role": "user", "content": content} for content in contents]


def of(name, *contents):
    """One feature of a conversation of user messages."""
    return prompt_features(ask(*contents))[PROMPT_FEATURES.index(name)]


def gate(name="log_characters", weight=-1.0, intercept=0.0, threshold=0.5, **changed):
    """A gate that looks at one feature."""
    weights = tuple(weight if feature == name else 0.0 for feature in PROMPT_FEATURES)
    plain = {"features": PROMPT_FEATURES, "mean": (0.0,) * D, "scale": (1.0,) * D, "coefficients": weights}
    return Gate(**{**plain, "intercept": intercept, "threshold": threshold, **changed})


def test_a_prompt_below_the_threshold_is_hopeless():
    """P = 1 / (1 + exp(log(1 + characters) - log 100)): half at 99 characters, less beyond."""
    judge = gate(intercept=math.log(100))

    assert 0.5 == pytest.approx(judge.probability(Request(ask("x" * 99))))
    assert [False, True] == [judge.hopeless(Request(ask("x" * size))) for size in (98, 100)]


def test_a_prompt_without_words_is_drafted_as_any_other():
    """Nobody can say: then there is no probability, and no skipping."""
    judge = gate(intercept=-1e6, threshold=1.0)

    for messages in (ask(" \n"), ask([]), [{"role": "system", "content": "Be brief."}]):
        assert judge.probability(Request(messages)) is None
        assert not judge.hopeless(Request(messages))
    assert judge.hopeless(Request(ask("Hello")))


def test_sampling_and_id_do_not_matter():
    """Only what was said does."""
    request = Request(ask("Is travel refundable?"))

    same = gate().probability(replace(request, params={"temperature": 1}, caller="somebody"))

    assert gate().probability(request) == same


@examples
@given(conversations)
def test_features_are_finite_or_there_are_none(messages):
    """Whatever is written, in whatever script, lone surrogates too: d finite numbers, or None."""
    values = prompt_features(messages)

    assert values is None or (len(values) == D and all(map(math.isfinite, values)))


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("log_asked", 3, "abc"),
        ("log_words", 3, "one two  three"),
        ("log_lines", 2, "a\nb\nc"),
        ("log_numbers", 3, "12 and 7, then 1999"),
        ("log_options", 2, "Which?\nA. this\nB. that"),
        ("log_question_marks", 2, "a? 你好吗？"),
        ("log_question_words", 3, "A long story.\nAnd who won?\nAnswer briefly."),
    ],
)
def test_counts_stand_as_logarithms(name, value, text):
    """log(1 + n)."""
    assert math.log1p(value) == of(name, text)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("word_length", 2.5, "ab cde"),
        ("distinct_words", 0.75, "a b a c"),
        ("digits", 0.5, "12ab"),
        ("capitals", 0.25, "Abcd"),
        ("punctuation", 0.5, "a,b."),
        ("code", 0.5, "x={}"),
        ("mathematics", 0.25, "x={}"),
        ("ascii", 0.5, "abüö"[1:3] + "x"),
        ("asks_fact", 1.0, "Where is it?"),
        ("asks_fact", 0.0, "Somewhere it is."),
        ("asks_reason", 1.0, 'He asked: "why"?'),
    ],
)
def test_shares_and_marks(name, value, text):
    """Shares of the bytes, means over words, and whether a word is there."""
    assert value == pytest.approx(of(name, text))


def test_the_last_user_message_is_read_and_the_rest_counted():
    """A question after an answer is what is asked now."""
    talk = [*ask("Why, and how much is 12?"), {"role": "assistant", "content": "44"}, *ask("Sure")]

    values = dict(zip(PROMPT_FEATURES, prompt_features(talk), strict=True))

    assert (0.0, 0.0) == (values["asks_reason"], values["log_numbers"])
    assert (math.log1p(30), math.log1p(3)) == (values["log_characters"], values["log_turns"])


def test_text_parts_are_read_as_text():
    """A message in parts is its text, a line each."""
    parts = [{"type": "text", "text": "12 apples"}, {"type": "text", "text": "how many?"}]

    assert prompt_features(ask("12 apples\nhow many?")) == prompt_features(ask(parts))


def test_of_a_long_prompt_the_end_is_read():
    """However long it is, only its length and its last 2,000 characters count."""
    end = "Which of these is it? " * 91

    one, other = (prompt_features(ask(letter * 50_000 + " " + end)) for letter in "aZ")

    assert LOOKED < len(end)
    assert one == other


def test_a_prompt_is_looked_at_in_no_time():
    """At most 200 microseconds for 2,000 characters, of a script with words and of one without."""
    english = ("The quick brown fox, who had 12 apples in 1999, jumped over the Lazy dog? " * 40)[:2000]
    chinese = "".join(chr(0x4E00 + place * 7 % 20000) for place in range(2000))

    for text in (english, chinese):
        request, judge = Request(ask(text)), gate()
        assert fastest_us(lambda r=request, j=judge: j.hopeless(r), 200) <= 200


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"threshold": 1.1}, "threshold is 1.1"),
        ({"threshold": math.nan}, "threshold is nan"),
        ({"features": ("mood", *PROMPT_FEATURES[1:])}, "the gate was fitted to other features"),
        ({"mean": ()}, "0 means"),
        ({"intercept": math.nan}, "not finite"),
    ],
)
def test_a_gate_that_cannot_be_applied_is_refused(changed, says):
    """As a learned rule is, and for a threshold that is no probability."""
    with pytest.raises(ConfigError, match=says):
        gate(**changed)
