"""What `plan` and `init` do: from models.yaml to who goes where, and from a machine to a models.yaml."""
