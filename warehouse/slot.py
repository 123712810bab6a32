"""One run at a time: one `flock` per `SMALTI_HOME`, handed down to child processes."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.errors import Busy
from warehouse.settings import Settings

INHERITED = "SMALTI_SLOT"
PATIENCE_SECONDS = 4.0  # longer than a killed process needs to let go, and an answer within five seconds


def is_inherited() -> bool:
    """Whether a parent process (`smalti run`) holds the slot for us for the whole run."""
    descriptor = os.environ.get(INHERITED)
    if descriptor is None:
        return False
    try:
        os.fstat(int(descriptor))
    except OSError:
        return False
    return True


@contextmanager
def take(settings: Settings, patience: float = PATIENCE_SECONDS) -> Iterator[int | None]:
    """Hold the slot; yields its descriptor, or None where a parent holds it already.

    Raises:
        Busy: another process holds it for longer than `patience` seconds.
    """
    if is_inherited():
        yield None
        return
    settings.home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(settings.home / "slot.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor, settings, patience)
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, settings: Settings, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                message = f"busy: another run holds {settings.home}; wait until it ends (smalti status shows it)"
                raise Busy(message) from None
            time.sleep(0.2)
        else:
            return
