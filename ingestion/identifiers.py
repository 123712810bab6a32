"""The pseudonym of an identifier that somebody typed, as loading and staging make it; the value goes no further."""

import duckdb

from ingestion import phones
from ingestion.cast import normal_form
from warehouse import pseudonyms
from warehouse.settings import Settings

_NORMAL = ("email", "phone")


def pseudonym(settings: Settings, kind: str, value: str) -> str | None:
    """HMAC of the value in normal form; None where it has none. A phone number without country is taken as British."""
    if kind == "phone":
        [known] = phones.answers([value], "GB")["e164"]
        value = str(known or value)
    normal = normal_form(kind, "$value") if kind in _NORMAL else "$value"
    with duckdb.connect() as connection:
        pseudonyms.bind(connection, settings)
        query = f"select {pseudonyms.hmac_sql(kind, f'({normal})')}"
        [(found,)] = connection.execute(query, {"value": value.strip()}).fetchall()
    return str(found) if found else None
