"""What every command does alike: where it prints, how it prints JSON, and how an error of ours is shown."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console

from warehouse.errors import SmaltiError

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, to standard output.")]
_WIDTH = None if sys.stdout.isatty() else 120
out, err = (Console(width=_WIDTH, highlight=False, stderr=stderr) for stderr in (False, True))


@contextmanager
def plain_errors() -> Iterator[None]:
    """Our own errors become one clear line and exit code 1."""
    try:
        yield
    except ValidationError as error:
        for problem in error.errors():
            name = "SMALTI_" + "_".join(map(str, problem["loc"])).upper()
            err.print(f"error: setting {name}: {problem['msg']}; `smalti init` writes the keys to .env", soft_wrap=True)
        raise typer.Exit(1) from None
    except SmaltiError as error:
        err.print(f"error: {error}", soft_wrap=True, markup=False)
        raise typer.Exit(1) from None


def dump(found: object) -> None:
    """Print it as JSON."""
    sys.stdout.write(json.dumps(found, indent=2, default=str) + "\n")
