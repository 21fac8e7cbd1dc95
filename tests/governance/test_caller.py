"""What a caller may see."""

import pytest

from gpu_cascade.governance import OPERATOR, PUBLIC, Caller, Role
from gpu_cascade.types import ANONYMOUS


def ann(**more):
    given = {"groups": frozenset({"hr"}), "team": "hr", "role": Role.USER, "cascades": None, **more}
    return Caller("ann", **given)


@pytest.mark.parametrize(
    ("cascades", "model", "may"),
    [
        (None, "anything", True),
        (frozenset({"policy-qa"}), "policy-qa", True),
        (frozenset({"policy-qa"}), "small", False),
        (frozenset({"policy-qa"}), "", False),
        (frozenset(), "policy-qa", False),
    ],
)
def test_who_may_use_what(cascades, model, may):
    """None is everything; an empty set is nothing."""
    assert may == ann(cascades=cascades).may_use(model)


def test_decisions_are_their_callers():
    """A user reads their own, an operator everybody's; what nobody put a name to is an operator's alone."""
    assert ann().may_read("ann")
    assert not ann().may_read("bob")
    assert not ann().may_read(ANONYMOUS)
    assert not PUBLIC.may_read(ANONYMOUS)
    assert OPERATOR.may_read("bob")
    assert OPERATOR.may_read(ANONYMOUS)


def test_no_key_opens_no_group():
    """Neither the public nor the static key sees a document of a group: a role is no group."""
    assert frozenset() == PUBLIC.groups == OPERATOR.groups
    assert (False, True) == (PUBLIC.is_operator, OPERATOR.is_operator)
