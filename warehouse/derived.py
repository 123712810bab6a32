"""The working file as what it is: derived. What of it a rotation needs is read, then it begins again from raw."""

from contextlib import suppress

import duckdb
import pyarrow as pa

from warehouse import run
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_NONE = "select null::varchar as identifier_type, null::varchar as identifier_key where false"


def identifiers(settings: Settings) -> pa.Table:
    """Type and clear key of the identifiers that become pseudonyms in dbt: user ids, devices, cookies.

    Raises:
        SmaltiError: the last run is not finished, so not all of them may stand there; or the file is gone while
            decisions on them stand.
    """
    if not settings.working.exists():
        if (settings.durable / "current").exists():
            raise SmaltiError(f"{settings.working} is not there · allowed: a run to its end, then the same again")
        return duckdb.sql(_NONE).to_arrow_table()
    with run.working(settings, read_only=True) as connection:
        if not _is_done(connection):
            raise SmaltiError("the last run is not finished · allowed: a run to its end, then the same again")
        with suppress(duckdb.CatalogException):
            query = "select identifier_type, identifier_key from identity.known_identifiers"
            return connection.execute(f"{query} where identifier_type not in ('email', 'phone')").to_arrow_table()
        return connection.execute(_NONE).to_arrow_table()


def _is_done(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        found = connection.execute("select done from ops.control").fetchall()
    except duckdb.CatalogException:  # no run was ever opened
        return True
    return all(done for (done,) in found)


def begin_again(settings: Settings) -> None:
    """Keep nothing of the working file but the control row: the next run builds everything again from raw.

    A new file, since only that removes the bytes of the old one.
    """
    if not settings.working.exists():
        return
    aside = settings.working.with_suffix(".again.tmp")
    aside.unlink(missing_ok=True)
    with run.working(settings) as connection, suppress(duckdb.CatalogException):
        connection.execute("select 1 from ops.control")
        connection.execute(f"attach '{aside}' as again")
        connection.execute("create schema again.ops")
        connection.execute(
            "create table again.ops.control as select * replace (null::varchar as fingerprint) from ops.control"
        )
        connection.execute("checkpoint again")
        connection.execute("detach again")
    settings.working.with_suffix(".duckdb.wal").unlink(missing_ok=True)
    if aside.exists():
        aside.replace(settings.working)
    else:
        settings.working.unlink()
