"""An embedding that can be read: a text is an angle in degrees."""

import math


def towards(degrees):
    """The unit vector of an angle."""
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


class Angles:
    """An embedder of texts that end in a number: their angle. `broken` is raised instead of an answer."""

    name = "angles"

    def __init__(self, broken=None):
        self.broken = broken

    def start(self):
        pass

    def embed(self, texts):
        if self.broken:
            raise self.broken
        return [towards(float(text.split()[-1])) for text in texts]

    def close(self):
        pass
