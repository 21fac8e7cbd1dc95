"""Excerpts without an index."""

from itertools import count

from gpu_cascade.policy_qa.documents.sentences import Span, spans
from gpu_cascade.policy_qa.find.join import Excerpt
from gpu_cascade.policy_qa.index.reader import Stored

_ids = count(1)


def excerpt(title, *texts, whole=False, page=None):
    """Passages of a document, each of these texts one; `whole`: as one sentence."""
    return Excerpt(tuple(_stored(title, place, text, whole, page) for place, text in enumerate(texts)))


def _stored(title, place, text, whole, page):
    cut = (Span(0, len(text)),) if whole else tuple(spans(text))
    path = f"{title.lower()}.md"
    return Stored(next(_ids), path, title, None, None, place, ("Basics",), page, text, cut)
