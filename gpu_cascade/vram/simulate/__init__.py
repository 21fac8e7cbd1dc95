"""The scheduler's core against modelled GPUs, engines and users: hours of load in seconds."""
