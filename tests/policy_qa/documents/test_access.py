"""Who may see a document is either clear, or nobody may."""

import pytest

from gpu_cascade.policy_qa.documents.access import PUBLIC, granted
from gpu_cascade.policy_qa.documents.document import Unreadable


@pytest.mark.parametrize(
    ("said", "groups"),
    [
        ({}, None),
        ({"title": "x"}, None),
        ({"groups": ["hr", "legal"]}, {"hr", "legal"}),
        ({"groups": "hr"}, {"hr"}),
        ({"public": True}, PUBLIC),
    ],
)
def test_what_is_clear(said, groups):
    """A list of groups, one group, or everybody; None where nothing is said."""
    assert groups == granted(said)


@pytest.mark.parametrize(
    "said",
    [
        {"groups": 5},
        {"groups": None},
        {"groups": []},
        {"groups": [5]},
        {"groups": True},
        {"groups": {"hr": True}},
        {"groups": ["*"]},
        {"groups": ["hr", ""]},
        {"groups": ["hr\nlegal"]},
        {"groups": "hr, legal"},
        {"group": ["hr"]},
        {"public": "yes"},
        {"public": False},
        {"public": True, "groups": ["hr"]},
    ],
)
def test_doubt_is_refused(said):
    """What could be meant otherwise is an error with a cure; in no case is it public."""
    with pytest.raises(Unreadable, match=r"write `groups: \[hr\]`|keep one|begins with a letter"):
        granted(said)
