"""Errors that a person may read as they are."""


class SmaltiError(Exception):
    """States what, where and what is allowed; never a row's value. Shown and recorded in full."""


class Busy(SmaltiError):
    """Another run holds the slot."""


class Skipped(SmaltiError):
    """This run is not needed now, and that is as it should be."""


class NothingToDo(SmaltiError):
    """There are no rows to work on."""
