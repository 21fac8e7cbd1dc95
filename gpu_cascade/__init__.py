"""Two open-weight models behind one address: the small one answers first, the large one when it must."""

__version__ = "0.1.0"
