"""`smalti vault`: what an operator does with the key of the pseudonyms."""

from typing import Annotated

import typer

from smalti.terminal import Json, dump, out, plain_errors
from warehouse import settings as configuration

app = typer.Typer(no_args_is_help=True, help="Vault: the key of the pseudonyms.")


@app.callback()
def _group() -> None:
    """Vault: the key of the pseudonyms."""


@app.command("rotate")
def rotate_key(
    new_key: Annotated[bool, typer.Option("--new-key", help="Write a random new key to .env first.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be replaced.")] = False,
    as_json: Json = False,
) -> None:
    """Replace the key of all pseudonyms; people stay who they are. Repeat it where it was interrupted.

    The key before stands in SMALTI_HMAC_KEY_OLD, the new one in SMALTI_HMAC_KEY.

    Examples:
      smalti vault rotate --new-key --dry-run
      smalti vault rotate --new-key
      smalti vault rotate --json
    """
    from smalti import vault

    with plain_errors():
        found = vault.rotate(configuration.load(), new_key=new_key, dry_run=dry_run)
    if as_json:
        dump(found.told())
        return
    told = "replaced" if found.is_done else "would replace"
    out.print(f"{told} key {found.from_key} by {found.to_key}: {found.identifiers:,} identifiers", soft_wrap=True)
    for name, count in (("raw", found.raw), ("durable", found.durable), ("published", found.published)):
        lost = f", {count.dropped:,} of nobody dropped" if count.dropped else ""
        out.print(f"  {name}: {count.pseudonyms:,} pseudonyms in {count.files} files{lost}", soft_wrap=True)
