"""Child processes that never outlive us: a killed run leaves nothing behind that still writes."""

import ctypes
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(
    command: Sequence[str], environment: Mapping[str, str], log: Path, keep_open: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start `command` with its output appended to `log` and the descriptors `keep_open` inherited."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(  # our own commands, no shell
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=tuple(keep_open),
            preexec_fn=_die_with_parent,  # noqa: PLW1509  # Linux only, no threads started yet
        )
