"""Which tiers a request may use, and wishes that mean nothing."""

import pytest

from gpu_cascade.cascade.direct import Direct
from gpu_cascade.cascade.features import NAMES
from gpu_cascade.cascade.learned import Isotonic, Learned, Sigmoid
from gpu_cascade.cascade.route import refuse_confidence, route
from gpu_cascade.cascade.rules import Rule
from gpu_cascade.cascade.signals import SIGNALS
from gpu_cascade.cascade.tier import Tier
from gpu_cascade.engines.fake import Fake
from gpu_cascade.errors import BadRequest
from gpu_cascade.types import Request
from gpu_cascade.types.wish import Sticky, Wish

SMALL, MID, LARGE = (Fake(name) for name in ("small", "mid", "large"))
TIERS = (SMALL, MID, LARGE)
DRAFTING = (Tier(SMALL, Rule(-0.9)), Tier(MID, Rule(-0.9)))
QUANTILE = SIGNALS["logprob_quantile"]


def learned(calibrator):
    one = (1.0,) * len(NAMES)
    return Learned(NAMES, one, one, one, 0.0, calibrator).signal()


LEARNED = learned(Sigmoid(-1.0, 0.0))  # log odds are log odds


@pytest.mark.parametrize(
    ("wish", "drafting", "last", "forced"),
    [
        (Wish(), ["small", "mid"], "large", False),
        (Wish(tier="small"), [], "small", True),
        (Wish(tier="mid"), [], "mid", True),
        (Wish(tier="large"), [], "large", True),
        (Wish(max_tier="small"), [], "small", True),
        (Wish(max_tier="mid"), ["small"], "mid", True),
        (Wish(max_tier="large"), ["small", "mid"], "large", False),
    ],
)
def test_a_wish_narrows_the_way(wish, drafting, last, forced):
    """One tier alone; or the cascade cut off above one. The highest there is caps nothing."""
    way = route(wish, DRAFTING, TIERS)

    assert drafting == [tier.name for tier in way.drafting]
    assert (last, forced) == (way.last.name, way.forced)


@pytest.mark.parametrize("name", ["tier", "max_tier"])
def test_a_tier_that_is_not_there_is_refused(name):
    """With the parameter's name and those that there are."""
    with pytest.raises(BadRequest, match="small, mid, large") as refused:
        route(Wish(**{name: "huge"}), DRAFTING, TIERS)

    assert f"cascade.{name}" == refused.value.param


@pytest.mark.parametrize(
    ("confidence", "signals", "says"),
    [
        (-0.5, [], "sends every request up"),
        (-0.5, [QUANTILE, SIGNALS["margin_mean"]], "logprob_quantile and margin_mean"),
        (1.1, [LEARNED], "from 0 to 1"),
        (-0.1, [LEARNED], "from 0 to 1"),
        (0.5, [learned(None)], "too few rows"),
    ],
)
def test_a_confidence_that_cannot_decide_is_refused(confidence, signals, says):
    """Nothing is drafted, tiers measure differently, or it is no probability where one is asked."""
    with pytest.raises(BadRequest, match=says) as refused:
        refuse_confidence(confidence, signals)

    assert "cascade.confidence" == refused.value.param


@pytest.mark.parametrize(
    ("confidence", "signals"), [(-5.0, [QUANTILE, QUANTILE]), (0.0, [LEARNED]), (1.0, [LEARNED])]
)
def test_a_confidence_that_can_decide_is_taken(confidence, signals):
    """Any number in the unit of the one signal; of a learned rule any probability."""
    refuse_confidence(confidence, signals)


@pytest.mark.parametrize(
    ("wish", "param"),
    [
        (Wish(tier="small"), "cascade.tier"),
        (Wish(max_tier="small"), "cascade.max_tier"),
        (Wish(due=1.0), "cascade.max_latency_ms"),
        (Wish(confidence=-0.5), "cascade.confidence"),
        (Wish(sticky=Sticky.OFF), "cascade.sticky"),
    ],
)
async def test_an_engine_by_its_name_has_nothing_to_decide(wish, param):
    """Whole or streamed, the wish is refused by its name, and the engine is not asked."""
    engine = Fake("small")
    request = Request([{"role": "user", "content": "?"}], wish=wish)

    for asked in (Direct(engine).answer(request), anext(Direct(engine).stream(request))):
        with pytest.raises(BadRequest, match="names the engine small itself") as refused:
            await asked
        assert param == refused.value.param
    assert [] == engine.seen


@pytest.mark.parametrize(
    ("made", "probability", "expected"),
    [
        (Isotonic((0.0, 2.0), (0.2, 0.8)), 0.5, 1.0),
        (Isotonic((0.0, 2.0), (0.2, 0.8)), 0.2, float("-inf")),
        (Isotonic((0.0, 2.0), (0.2, 0.8)), 0.81, float("inf")),
        (Sigmoid(-1.0, 0.0), 0.5, 0.0),
        (Sigmoid(-1.0, 0.0), 0.0, float("-inf")),
        (Sigmoid(-1.0, 0.0), 1.0, float("inf")),
        (Sigmoid(1.0, 0.0), 0.5, float("inf")),
    ],
)
def test_the_least_score_with_a_probability(made, probability, expected):
    """Between knots the straight line; -inf where all have it; inf where none has, or it does not rise."""
    assert pytest.approx(expected) == made.reach(probability)


def test_a_signal_of_a_learned_rule_takes_probabilities():
    """The rule itself is what turns them into scores."""
    assert 0.0 == LEARNED.odds.reach(0.5)
