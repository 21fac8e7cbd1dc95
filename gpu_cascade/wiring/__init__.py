"""The one place where everything meets: from a configuration to live objects, opened and closed in order."""

from .engines import Engines, Options, engines_alone
from .opened import Opened, opened

__all__ = ["Engines", "Opened", "Options", "engines_alone", "opened"]
