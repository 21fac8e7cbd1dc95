"""Template tags become what their page shows."""

import pytest

from gpu_cascade.policy_qa.documents.shortcodes import readable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Ask in {% slack_channel "people-ops" %}.', "Ask in #people-ops."),
        ('[Leave]({% page "/leave/#sick" %})', "[Leave]()"),
        ("a{% comment %} TODO {% x %} {% endcomment %}b", "ab"),
        ("`{% raw %}{% include %}{% endraw %}`", "`{% include %}`"),
        ('{% alert "Heads up!", "warning" %}\nMind.\n{% endalert %}', "Heads up!\n\n\nMind.\n"),
        ("{{site.base_url}}/x", "/x"),
        ("our {% data variables.contact.contact_support %}.", "our contact support."),
        ("{% if a %}yes{% endif %}", "yes"),
        ("## Set up {#set-up}", "## Set up"),
        ("a\n{: .class }\nb", "a\n\nb"),
        ("a { b } c", "a { b } c"),
        ('{%page\n "/x"\n%}y', "y"),
    ],
)
def test_tags(text, shown):
    """Channels, alerts and data by name; links, comments and settings not at all; raw as it is."""
    assert shown == readable(text)


def test_unclosed_tags_take_no_time():
    """A hundred thousand tags without an end are text, in less than the test's time."""
    text = "{% x " * 100_000

    assert text == readable(text)
