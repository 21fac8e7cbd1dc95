"""The decision store: one record per answer, kept in SQLite, told in plain words by `why`."""

from .buffer import LIMIT, Reservation, StoreHealth, Traces
from .record import Record, record_json
from .store import read, read_recent
from .why import explain, why

__all__ = [
    "LIMIT",
    "Record",
    "Reservation",
    "StoreHealth",
    "Traces",
    "explain",
    "read",
    "read_recent",
    "record_json",
    "why",
]
