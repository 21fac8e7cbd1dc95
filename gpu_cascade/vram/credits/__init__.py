"""Leases over a process border: what gateway workers hold of the engines' places."""
