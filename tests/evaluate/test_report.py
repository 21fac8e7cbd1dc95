"""One page that needs nothing else and shows nobody's question."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from gpu_cascade.evaluate.analysis import analyse
from gpu_cascade.evaluate.report import render
from tests.evaluate.made import answer, row, rows

VOID = {"meta", "br", "link", "img", "input", "hr"}
EVIL = "<img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What stands in a page; asserts that every element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.said = [], [], []
        self.feed(text)
        self.close()
        assert [] == self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), tuple(self.open)))

    def handle_endtag(self, tag):
        assert tag == self.open.pop()

    def handle_data(self, data):
        self.said.append(data)

    def all(self, tag):
        return [attrs for found, attrs, _ in self.elements if found == tag]


def analysed(made=None, tiers=("small", "large"), **asked):
    return analyse(made or rows(60), tiers, **{"signal": "min_logprob", "resamples": 20, **asked})


@pytest.fixture(scope="module")
def full():
    """A page with everything on it."""
    handed = np.random.default_rng(0).random(60)
    return render(analysed(judge="large", learned={"small": handed}, router=handed, guarantee="It holds."))


def test_it_is_well_formed(full):
    """Every element is closed, no id stands twice, and every reference finds its own."""
    page = Page(full)

    ids = [attrs["id"] for _, attrs, _ in page.elements if "id" in attrs]
    asked = re.findall(r'(?:href="#|url\(#|labelledby=")([^")]+)', full)
    assert len(set(ids)) == len(ids)
    assert set(asked) <= set(ids)


def test_nothing_is_fetched_and_nothing_runs(full):
    """No script, no handler, no address of anything outside the page; its own policy forbids them too."""
    page = Page(full)

    assert not {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _, _ in page.elements}
    names = {(name, value) for _, attrs, _ in page.elements for name, value in attrs.items()}
    assert not [name for name, _ in names if name.startswith("on")]
    assert all(value.startswith("#") for name, value in names if name in {"href", "src", "xlink:href"})
    assert "http" not in full.replace("http-equiv", "")
    assert "@import" not in full
    policy = next(attrs["content"] for attrs in page.all("meta") if "http-equiv" in attrs)
    assert "default-src 'none'; style-src 'unsafe-inline'" == policy


def test_every_figure_has_a_name_and_its_numbers(full):
    """Cost and quality, deferral, reliability: each is announced, and followed by a table."""
    page = Page(full)

    figures = [attrs for attrs in page.all("svg") if attrs.get("role") == "img"]
    titles = [attrs["id"] for attrs in page.all("title") if "id" in attrs]
    assert ["cost-title", "deferral0-title", "reliability0-title"] == titles
    assert titles == [attrs["aria-labelledby"] for attrs in figures]
    assert 3 == len(page.all("details"))
    assert 3 == full.count("</figure>\n<details>")


def test_figures_follow_light_and_dark(full):
    """Text in figures is text, and no colour is fixed there."""
    drawn = "".join(re.findall(r'<svg class="figure".*?</svg>', full, re.DOTALL))

    assert "engine-seconds per question</text>" in drawn
    assert not re.findall(r"#[0-9a-f]{6}|rgb", drawn)
    assert "prefers-color-scheme: dark" in full


def test_no_two_lines_of_a_figure_look_alike(full):
    """A legend names each line once, by a look of its own."""
    for legend in re.findall(r'<ul class="legend">.*?</ul>', full, re.DOTALL):
        looks = re.findall(r'style="([^"]+)".*?(\((?:circle|square|triangle)\))?</li>', legend, re.DOTALL)
        assert len(set(looks)) == len(looks) > 2


def test_every_table_has_a_caption_and_heads(full):
    """Read aloud, each cell belongs to a row and a column."""
    page = Page(full)

    assert len(page.all("table")) == len(page.all("caption")) >= 7
    assert all(attrs.get("scope") in {"row", "col"} for attrs in page.all("th"))


def test_no_question_and_no_answer_is_shown(full):
    """The rows' texts stay where they are."""
    assert "alert" not in full
    assert "said</b>" not in full


def test_what_comes_from_data_is_harmless():
    """Names of engines, the judge and the certificate's sentence are text, whatever they contain."""
    evil = [
        row(f"q{place}", **{EVIL: answer(place % 2, (-0.1 * place,)), "$x_large$": answer(1, engine_s=5.0)})
        for place in range(60)
    ]

    text = render(analysed(evil, (EVIL, "$x_large$"), guarantee=EVIL, judge=EVIL))

    assert EVIL in "".join(Page(text).said)
    assert [] == Page(text).all("img")


def test_the_guarantee_is_quoted_or_none_is_claimed(full):
    """Without a certificate the page promises nothing."""
    assert "It holds." in full
    assert "none was handed in. What follows describes these rows and promises nothing for others." in render(
        analysed()
    )


@pytest.mark.parametrize("score", [0, 1])
def test_what_is_not_defined_is_a_dash(score):
    """One class, no engine-seconds: the page is there, without figures that have nothing to show."""
    made = [row(f"q{n}", small=answer(score, engine_s=0), large=answer(score, engine_s=0)) for n in range(20)]

    text = render(analysed(made))

    assert "<td>–</td>" in text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert ["deferral0-title"] == [attrs["id"] for attrs in Page(text).all("title") if "id" in attrs]


def test_three_tiers_have_a_section_per_draft():
    """A chain shows both drafting tiers against the last."""
    tiers = ("tiny", "middle", "huge")

    text = render(analysed(rows(60, tiers=tiers), tiers, judge="huge"))

    assert ["Drafts of tiny against huge", "Drafts of middle against huge"] == re.findall(
        r"Drafts of \w+ against \w+", text
    )
    assert 5 == len([attrs for attrs in Page(text).all("svg") if attrs.get("role") == "img"])


def test_the_rule_for_fractional_scores_is_stated(full):
    """A reader must know what 'wrong' means where scores are F1."""
    assert "wrong where its score is below 0.5" in full
