"""The key of the pseudonyms replaced everywhere: raw, decisions, published versions and, last, the vault.

Who is one person stays so: each pseudonym's successor is made of the clear value in the vault, or of the key under
which dbt has seen it. All pairs are written down first, then file by file is replaced, so that a rotation that was
killed is repeated; it is complete when the folder `rotation` is gone, and until then nothing is loaded or run.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ingestion import mailboxes, store, vault
from warehouse import atomic, contracts, derived, keys, manifest, pseudonyms, rekey, separations, suppressions
from warehouse.errors import SmaltiError
from warehouse.rekey import Count
from warehouse.settings import Settings
from warehouse.sql import literal

_ENDED = "rotation.ended"
_MESSAGE = "kind || ':' || value"
_OWN = "allowed: the key that raw stands under"


@dataclass(frozen=True)
class Outcome:
    """What a rotation did, or on a dry run would do: by place the files and pseudonyms, and identifiers that go.

    Those are identifiers that only decisions name: no row has them any more, so nobody knows their clear value.
    """

    from_key: str
    to_key: str
    raw: Count
    durable: Count
    published: Count
    identifiers: int
    is_done: bool

    def told(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self)


def rotate(settings: Settings, also: Callable[[], object] = lambda: None, *, dry_run: bool = False) -> Outcome:
    """Replace the pseudonyms of `hmac_key_old` by those of `hmac_key`; the caller holds the slot.

    `also` is what else stands under the key and may be repeated; it is done before the rotation is complete.

    Raises:
        SmaltiError: a key is missing or not the one that raw stands under; the last run is unfinished; a pseudonym
            in raw has no clear value in the vault; or an earlier rotation between other keys is not complete.
    """
    shutil.rmtree(settings.home / _ENDED, ignore_errors=True)
    _check_keys(settings)
    if not settings.rotation.exists() and keys.standing(settings) <= {_ids(settings)["to"]}:
        return Outcome(*_both(settings), Count(), Count(), Count(), identifiers=0, is_done=not dry_run)
    with _connected(settings) as connection:
        pairs = settings.rotation / "pairs.parquet"
        if not pairs.exists():
            found = _pairs(connection, settings)
            if dry_run:
                connection.execute(f"create or replace temp table rekeyed as {found}")
                return _replace(connection, settings, dry_run=True)
            _begin(connection, settings, found, pairs)
        rekey.bind(connection, pairs)
        planned = _replace(connection, settings, dry_run=True)
        if dry_run:
            return planned
        done = _replace(connection, settings, dry_run=False)
        separations.rekey(connection, settings.ledger)
        suppressions.rekey(connection, settings.ledger)
        also()
        shutil.rmtree(settings.past, ignore_errors=True)  # derived too: the next night makes it under the new key
        derived.begin_again(settings)
        if settings.vault.exists():
            vault.rekey(connection, settings, pseudonyms.message_sql(_MESSAGE))
    _end(settings)
    return done


def _check_keys(settings: Settings) -> None:
    """Hold both keys against what stands in the home, and a rotation under way against its keys."""
    if not settings.hmac_key_old.get_secret_value():
        raise SmaltiError("SMALTI_HMAC_KEY_OLD is not set · allowed: the key before, beside the new one; or --new-key")
    ids = _ids(settings)
    if ids["from"] == ids["to"]:
        raise SmaltiError("SMALTI_HMAC_KEY and SMALTI_HMAC_KEY_OLD are the same key · allowed: two")
    state = settings.rotation / "keys.json"
    if (settings.rotation / "pairs.parquet").exists() and json.loads(state.read_text()) != ids:
        under_way = json.loads(state.read_text())
        raise SmaltiError(
            f"a rotation from key {under_way['from']} to {under_way['to']} is not complete · {settings.home} · "
            "allowed: these keys, until it is"
        )
    if other := sorted(one for one in keys.standing(settings) if one and one not in ids.values()):
        raise SmaltiError(f"raw stands under key {', '.join(other)}, not {ids['from']} · SMALTI_HMAC_KEY_OLD · {_OWN}")


def _both(settings: Settings) -> tuple[str, str]:
    return pseudonyms.key_id(settings.hmac_key_old), pseudonyms.key_id(settings.hmac_key)


def _ids(settings: Settings) -> dict[str, str]:
    return dict(zip(("from", "to"), _both(settings), strict=True))


@contextmanager
def _connected(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    spill = settings.home / "spill"
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {settings.threads}")
        connection.execute(f"set memory_limit = {literal(settings.memory_limit)}")
        connection.execute(f"set temp_directory = {literal(spill)}")
        connection.execute("set TimeZone = 'UTC'")
        pseudonyms.bind_key(connection, settings.hmac_key)
        pseudonyms.bind_key(connection, settings.hmac_key_old, "old")
        try:
            yield connection
        finally:
            shutil.rmtree(spill, ignore_errors=True)


def _pairs(connection: duckdb.DuckDBPyConnection, settings: Settings) -> str:
    """SQL for each pseudonym that has a clear value, old and new."""
    _take_vault(connection, settings)
    connection.register("seen", derived.identifiers(settings))
    _know_domains(connection)
    old, new = (pseudonyms.message_sql("message", prefix) for prefix in ("old", "smalti"))
    mailbox = mailboxes.canonical_sql("value", lambda name: name)
    return f"""
        with messages as (
            select {_MESSAGE} as message from clear
            union select 'email:' || {mailbox} from clear join domains using (domain) where kind = 'email'
            union select identifier_type || ':' || identifier_key from seen
        )
        select {old} as old, {new} as new from messages
    """


def _take_vault(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Take kind and value over, each held against the key that it is said to stand under."""
    connection.execute("create or replace temp table clear (kind varchar, value varchar, domain varchar)")
    if not settings.vault.exists():
        return
    connection.execute(f"attach {literal(settings.vault)} as held (read_only)")
    wrong = connection.execute(
        f"select count(*) from held.identifiers where hmac <> {pseudonyms.message_sql(_MESSAGE, 'old')}"
    ).fetchall()
    connection.execute("insert into clear select kind, value, split_part(value, '@', 2) from held.identifiers")
    connection.execute("detach held")
    if wrong[0][0]:
        raise SmaltiError(f"{wrong[0][0]} pseudonyms in the vault are of another key · SMALTI_HMAC_KEY_OLD · {_OWN}")


def _know_domains(connection: duckdb.DuckDBPyConnection) -> None:
    found = connection.execute("select distinct domain from clear where kind = 'email'").fetchall()
    domains = [domain for (domain,) in found]
    answers = {name: pa.array(values) for name, values in mailboxes.answers(domains).items()}
    types = {"separator": pa.string(), "main": pa.string(), "ignores_dots": pa.bool_()}
    columns = {"domain": pa.array(domains, pa.string())} | {n: answers[n].cast(kind) for n, kind in types.items()}
    connection.register("domains", pa.table(columns))


def _begin(connection: duckdb.DuckDBPyConnection, settings: Settings, pairs: str, target: Path) -> None:
    """Write down keys and pairs: from here on nothing else may work in this home until the end."""
    connection.execute(f"create or replace temp table rekeyed as {pairs}")
    _replace(connection, settings, dry_run=True)  # what cannot be is refused before anything is done
    settings.rotation.mkdir(mode=0o700, exist_ok=True)
    (settings.rotation / "keys.json").write_text(json.dumps(_ids(settings)))
    aside = target.with_suffix(".tmp")
    store.copy(connection, "select * from rekeyed", aside)
    atomic.sync(aside)
    aside.replace(target)
    atomic.sync(target.parent)


def _replace(connection: duckdb.DuckDBPyConnection, settings: Settings, *, dry_run: bool) -> Outcome:
    """File by file; on a dry run only counted."""
    folders = sorted(path.parent for path in settings.raw.glob("*/manifest.jsonl"))
    raw = sum((_source(connection, settings, folder, dry_run=dry_run) for folder in folders), Count())
    if raw.unknown:
        raise SmaltiError(
            f"{raw.unknown} pseudonyms in raw have no clear value in the vault · {settings.vault} · "
            "allowed: the vault of this home, whole"
        )
    if not dry_run:
        _clear_leftovers(settings)
    durable = [rekey.parquet(connection, path, dry_run=dry_run) for path in _durable(settings)]
    versions = [rekey.parquet(connection, path, dry_run=dry_run) for path in sorted(settings.data.glob("*.parquet"))]
    versions += [rekey.database(connection, path, dry_run=dry_run) for path in _versions(settings)]
    return Outcome(
        *_both(settings),
        raw=raw,
        durable=sum(durable, Count()),
        published=sum(versions, Count()),
        identifiers=connection.execute("select count(*) from rekeyed").fetchall()[0][0],
        is_done=not dry_run,
    )


def _source(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path, *, dry_run: bool) -> Count:
    """One source's Parquet, then its manifest, which says under which key the rows now stand."""
    lines = manifest.read(folder)
    if {line.key_id for line in lines if line.status != "quarantined"} <= {pseudonyms.key_id(settings.hmac_key)}:
        return Count()
    if not dry_run:
        store.prepare(folder, contracts.read(folder))
    named = sorted({name for line in lines for name in line.parquet})
    found = sum((rekey.parquet(connection, folder / name, dry_run=dry_run) for name in named), Count())
    if not dry_run:
        manifest.write(folder, keys.marked(settings, lines))
    return found


def _clear_leftovers(settings: Settings) -> None:
    """What a killed publication left aside has old pseudonyms and is of no use."""
    for left in [*settings.published.glob("*.tmp*"), *settings.data.glob("*.tmp")]:
        left.unlink()
    for left in settings.durable.glob("*.tmp"):
        shutil.rmtree(left)


def _durable(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.durable.glob("*/**/*.parquet") if not _is_linked(settings, path))


def _is_linked(settings: Settings, path: Path) -> bool:
    return (settings.durable / path.relative_to(settings.durable).parts[0]).is_symlink()


def _versions(settings: Settings) -> list[Path]:
    return sorted(path for path in settings.published.glob("*.duckdb") if not path.is_symlink())


def _end(settings: Settings) -> None:
    """One rename says that it is complete; the pairs, which name old pseudonyms, go."""
    ended = settings.home / _ENDED
    settings.rotation.replace(ended)
    atomic.sync(settings.home)
    shutil.rmtree(ended)
