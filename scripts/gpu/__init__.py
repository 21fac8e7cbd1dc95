"""What `scripts/gpu_check` is made of: the plan and the moves of the package, held against a real GPU."""
