"""Keyed pseudonyms in SQL: HMAC-SHA256 (RFC 2104) and UUIDv5 (RFC 9562) with the key as a bound value.

DuckDB has neither, but has `sha256`, `sha1` and session variables. The two pads and the namespace
are bound to variables of the session, so no secret ever stands in SQL text, logs or artifacts.
"""

import uuid

import duckdb

from warehouse.settings import Settings

_BLOCK = 64


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Bind the pads and the namespace to variables of this session."""
    key = bytes.fromhex(settings.hmac_key.get_secret_value()).ljust(_BLOCK, b"\0")
    connection.execute("set variable smalti_inner_pad = ?", [bytes(byte ^ 0x36 for byte in key)])
    connection.execute("set variable smalti_outer_pad = ?", [bytes(byte ^ 0x5C for byte in key)])
    namespace = uuid.UUID(settings.namespace.get_secret_value())
    connection.execute("set variable smalti_namespace = ?", [namespace.bytes])


def hmac_sql(kind: str, value: str) -> str:
    """SQL for the pseudonym (64 hex digits) of `value`, an SQL expression; null stays null.

    The kind is part of the message, so the same text as an e-mail and as a name differs.
    """
    inner = f"sha256(getvariable('smalti_inner_pad') || encode('{kind}:' || {value}))"
    return f"sha256(getvariable('smalti_outer_pad') || unhex({inner}))"
