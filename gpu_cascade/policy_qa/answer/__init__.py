"""From passages to an answer that names its sentences, and from that to quotes."""
