"""Keyed pseudonyms in SQL: HMAC-SHA256 (RFC 2104) and UUIDv5 (RFC 9562) with the key as a bound value.

DuckDB has neither, but has `sha256`, `sha1` and session variables. The two pads and the namespace
are bound to variables of the session, so no secret ever stands in SQL text, logs or artifacts.
"""

import hashlib
import uuid

import duckdb
from pydantic import SecretStr

from warehouse.settings import Settings

_BLOCK = 64


def key_id(key: SecretStr) -> str:
    """A short digest of the key: says under which key a pseudonym stands, and nothing of the key."""
    return hashlib.sha256(bytes.fromhex(key.get_secret_value())).hexdigest()[:8]


def bind(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Bind the pads and the namespace to variables of this session."""
    bind_key(connection, settings.hmac_key)
    namespace = uuid.UUID(settings.namespace.get_secret_value())
    connection.execute("set variable smalti_namespace = ?", [namespace.bytes])


def bind_key(connection: duckdb.DuckDBPyConnection, key: SecretStr, prefix: str = "smalti") -> None:
    """Bind the pads of a key to variables of this session; under another prefix beside the key in use."""
    padded = bytes.fromhex(key.get_secret_value()).ljust(_BLOCK, b"\0")
    connection.execute(f"set variable {prefix}_inner_pad = ?", [bytes(byte ^ 0x36 for byte in padded)])
    connection.execute(f"set variable {prefix}_outer_pad = ?", [bytes(byte ^ 0x5C for byte in padded)])


def hmac_sql(kind: str, value: str) -> str:
    """SQL for the pseudonym (64 hex digits) of `value`, an SQL expression; null stays null.

    The kind is part of the message, so the same text as an e-mail and as a name differs.
    """
    return message_sql(f"'{kind}:' || {value}")


def message_sql(message: str, prefix: str = "smalti") -> str:
    """SQL for the HMAC of a whole message, `kind:value`, under the key bound to that prefix."""
    inner = f"sha256(getvariable('{prefix}_inner_pad') || encode({message}))"
    return f"sha256(getvariable('{prefix}_outer_pad') || unhex({inner}))"
