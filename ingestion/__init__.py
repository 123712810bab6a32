"""exports → raw: what a source is, and loading it exactly once."""
