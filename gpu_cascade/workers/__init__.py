"""Several gateway processes on one port: what they and the supervisor say to each other beside leases."""
