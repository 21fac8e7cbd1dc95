"""An index made of a few texts in a folder."""

from gpu_cascade.policy_qa.documents.document import Limits
from gpu_cascade.policy_qa.documents.parse import parse
from gpu_cascade.policy_qa.documents.split import Cut
from gpu_cascade.policy_qa.index.store import Store
from gpu_cascade.policy_qa.index.update import update

LIMITS = Limits()
CUT = Cut(40, "words", lambda text: len(text.split()))


def here(path, data):
    """Parse in this process: fast, and the files are ours."""
    return parse(path, data, LIMITS)


def write(folder, files):
    """Write texts into a folder by their paths."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def refresh(folder, index, *, parse=here, cut=CUT, embedder=None, progress=lambda *_: None):
    """Update the index of a folder, and close it."""
    with Store(index) as store:
        return update(folder, store, parse, cut, LIMITS, progress, embedder)


def groups(*names):
    return frozenset(names)


def found(reader, query, *names, limit=10):
    """The paths that a query finds for somebody in these groups, best first."""
    hits = reader.search_text(query, groups(*names), limit)
    return [stored.path for stored in reader.passages([hit.passage for hit in hits], groups(*names))]
