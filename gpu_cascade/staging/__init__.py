"""From a configuration to what the scheduler starts from: devices, who goes where, who is awake together."""
