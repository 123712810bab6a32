"""Measurements against what the machine can do at best: ratios of figures taken in one run."""
