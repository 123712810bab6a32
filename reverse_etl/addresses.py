"""Clear addresses, for destinations that know people by them: read from the vault to be sent, and kept nowhere."""

import duckdb

from warehouse.settings import Settings


def emails(settings: Settings) -> dict[str, str]:
    """Pseudonym → e-mail, of everybody; empty where there is no vault."""
    if not settings.vault.exists():
        return {}
    with duckdb.connect(str(settings.vault), read_only=True) as vault:
        rows = vault.execute("select hmac, value from identifiers where kind = 'email'")
        return dict(rows.fetchall())
