"""What holds for all tests."""

from hypothesis import settings

# The machine may be busy: how long one example takes says nothing. Speed has tests of its own.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
