"""HTML becomes what a reader of the page reads."""

import pytest

from gpu_cascade.policy_qa.documents.document import Unreadable
from gpu_cascade.policy_qa.documents.parse import parse

from .made import LIMITS, said, shown

PAGE = """<!doctype html><html><head><title>Leave
 policy</title><style>p {}</style><script>var a = 1;</script></head><body>
<nav><ul><li>Home</li></ul></nav>
<h1>Leave <a href="#x">here</a></h1>
<p>You get <b>13</b> days.<br>Ask HR.</p>
<!-- hidden remark --><p hidden>hidden</p><p style="display: none">gone</p>
<ul><li>one<ul><li>inner</li></ul></li><li><p>two</p><p>more</p></li></ul>
<ol start="3"><li>three</li></ol>
<table><thead><tr><th>Years</th><th>Days</th></tr></thead><tr><td>0-3</td><td><p>13</p><p>a year</p></td>
</tr></table>
<pre>tock
  help</pre>
<div>Loose text</div>
<del>old rule</del>
<footer>Imprint</footer></body></html>"""


def test_blocks_in_order():
    """Menus, scripts, styles, remarks, hidden and struck text are left out."""
    expected = [
        ("heading", "Leave here"),
        ("paragraph", "You get 13 days.\nAsk HR."),
        ("item", "- one"),
        ("item", "  - inner"),
        ("item", "- two"),
        ("item", "  more"),
        ("item", "3. three"),
        ("row", "Years | Days"),
        ("row", "0-3 | 13 a year"),
        ("code", "tock\n  help"),
        ("paragraph", "Loose text"),
    ]

    assert expected == shown(said(PAGE, "a.html"))
    assert "Leave policy" == said(PAGE, "a.html").title


def test_only_the_main_part():
    """A page that marks its main part is read there."""
    assert [("paragraph", "Text")] == shown(said("<p>Menu</p><main><p>Text</p></main><p>Ad</p>", "a.htm"))


def test_front_matter_before_a_page():
    """Pages of site generators have front matter too."""
    assert {"hr"} == said("---\ngroups: [hr]\n---\n<p>Text</p>", "a.html").groups


def test_declared_encoding():
    """A page's own word on its encoding counts."""
    page = '<meta charset="iso-8859-2"><p>Kč</p>'.encode("iso-8859-2")

    assert [("paragraph", "Kč")] == shown(parse("a.html", page, LIMITS))


def test_a_page_without_text():
    """A page that scripts would fill holds nothing to index."""
    with pytest.raises(Unreadable, match="no text"):
        said("<div id=app></div><script>render()</script>", "a.html")


def test_deep_nesting_ends():
    """Ten thousand open tags are refused, not a crash."""
    with pytest.raises(Unreadable, match="nests too deeply"):
        said("<div>" * 10_000 + "text", "a.html")
