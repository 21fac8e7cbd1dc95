"""Folders that look like models, and processes that embed without one."""

import json
import sys

# Vectors of two numbers: how long the text is, and how long the folder's name.
LENGTHS = """
import os, sys
from array import array
from multiprocessing.connection import Connection
from gpu_cascade.embedding.child import serve
def encode(texts):
    if "die" in texts:
        os._exit(7)
    if "hang" in texts:
        sys.stdin = open(os.pipe()[0]).read()
    if "fail" in texts:
        raise ValueError("fail: my secret")
    numbers = [number for text in texts for number in (len(text), os.getpid())]
    return array("f", numbers).tobytes(), 2
serve(Connection(int(sys.argv[1])), lambda: encode)
"""


def child(program):
    """A command that runs a program of Python in place of the one that embeds."""
    return (sys.executable, "-c", program)


def folder(root, modules=None, **files):
    """A folder with a configuration, `modules` by kind and path, and these files."""
    (root / "config.json").write_text("{}")
    if modules is not None:
        described = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in modules]
        (root / "modules.json").write_text(json.dumps(described))
    for name, said in files.items():
        path = root / name.replace("__", "/").replace("_json", ".json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(said if isinstance(said, str) else json.dumps(said))
    return root
