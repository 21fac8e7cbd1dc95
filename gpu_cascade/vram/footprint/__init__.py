"""How many bytes of each device an engine takes, from its files and from models.yaml alone."""

GIB = 2**30
