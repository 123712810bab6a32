"""Errors of the command line."""

from warehouse.errors import SmaltiError


class RunFailed(SmaltiError):
    """A step of a run failed; what was published before stays."""
