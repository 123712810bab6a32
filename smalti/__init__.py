"""The command line: what a person can ask."""
