"""A clock that tests move."""


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now
