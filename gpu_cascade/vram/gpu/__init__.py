"""What GPUs there are, how full, and who fills them: from the driver, from a budget of RAM, or scripted."""
