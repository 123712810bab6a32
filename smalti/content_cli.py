"""`smalti content`: what is shown to whom on which channel, whether anybody is forgotten, and why."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from smalti.terminal import Json, dump, err, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="Content: what is shown to whom on which channel.")

Channel = Annotated[str | None, typer.Option(help="Only this channel: email, web.")]


@app.command("check")
def check_content(as_json: Json = False) -> None:
    """Check blocks, matrix and tokens, and that whoever is sent somewhere is shown something at each stage.

    Example: smalti content check
    """
    from smalti import present_content
    from warehouse import activations, content

    problems = activations.problems(content.SEEDS)
    cells = [] if problems else content.coverage(content.read(content.SEEDS))
    if as_json:
        dump({"problems": problems, "coverage": [asdict(cell) for cell in cells]})
    elif cells:
        present_content.coverage(out, cells)
    for problem in problems:
        err.print(f"error: {problem}", soft_wrap=True, markup=False)
    if problems:
        raise typer.Exit(1)


@app.command("list")
def list_content(channel: Channel = None, as_json: Json = False) -> None:
    """The content matrix: which block, offer and message for whom, in the order in which they are tried.

    Examples:
      smalti content list
      smalti content list --channel web --json
    """
    from smalti import present_content
    from warehouse import content

    with plain_errors():
        found = content.listed(content.read(content.SEEDS), channel)
    if as_json:
        dump(found)
    else:
        present_content.matrix(out, found)


@app.command("show")
def show_content(
    who: Annotated[str, typer.Argument(help="A customer_id, or TYPE:VALUE; user_id, email, phone are such types.")],
    channel: Channel = None,
    as_json: Json = False,
) -> None:
    """What a person is shown and why: the rows that hold, in their order, and for what the others are passed over.

    An identifier is turned into its pseudonym here and shown nowhere.

    Examples:
      smalti content show 0b6f6c1e-8a52-5f2b-9d8e-0c5d7f3a1b22 --channel web
      smalti content show email:ann@example.org --json
    """
    from smalti import person_content, present_content

    with plain_errors():
        found: dict[str, Any] = person_content.show(configuration.load(), who, channel)
    if as_json:
        dump(found)
    else:
        present_content.person(out, found)
