"""Segments without SQL: a rule in the sidecar becomes the segment's query."""
