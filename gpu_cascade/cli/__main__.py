"""`python -m gpu_cascade.cli`."""

import os

from . import main

os.environ.setdefault("PYTHONUNBUFFERED", "1")
main()
