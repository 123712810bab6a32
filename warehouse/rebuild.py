"""A past version built again from raw, as raw was then: it must come to the same, whatever was learnt since."""

from dataclasses import dataclass
from datetime import datetime

from warehouse import aside, dbt, digest, ledger, manifest, run
from warehouse.errors import SmaltiError
from warehouse.manifest import Line
from warehouse.pseudonyms import key_id
from warehouse.settings import Settings

_FOLDERS = ("seeds", "staging", "input", "identity", "profiles")


@dataclass(frozen=True)
class Record:
    """What the ledger keeps of a published version, also when its file is gone."""

    version: str
    run_id: str
    as_of: datetime
    batch: int
    fingerprint: str
    digest: str
    links_run_id: str | None = None
    key_id: str | None = None


def record(settings: Settings, this: Record) -> None:
    """Keep it; a publication that is repeated replaces its own."""
    with ledger.connect(settings.ledger) as book:
        row = vars(this) | {"as_of": this.as_of.isoformat()}
        names, places = ", ".join(row), ", ".join(f":{name}" for name in row)
        book.execute(f"insert or replace into versions ({names}) values ({places})", row)


def records(settings: Settings) -> list[Record]:
    """Of all versions ever published, oldest first."""
    if not settings.ledger.exists():
        return []
    with ledger.connect(settings.ledger) as book:
        rows = [dict(row) for row in book.execute("select * from versions order by rowid")]
    return [Record(**row | {"as_of": datetime.fromisoformat(row["as_of"])}) for row in rows]


def find(settings: Settings, version: str | None) -> Record:
    """The record of that version; of the latest where none is named.

    Raises:
        SmaltiError: there is none.
    """
    kept = records(settings)
    found = [one for one in kept if version in (None, one.version)]
    if not found:
        named = ", ".join(one.version for one in kept[-5:]) or "none yet"
        raise SmaltiError(f"no version {version!r} in {settings.ledger}; the latest are: {named}")
    return found[-1]


def rebuilt(settings: Settings, of: Record) -> str:
    """The digest of that version built again, in a folder of its own, from the rows that were loaded by then.

    Nothing of the state is written, and nothing waits for it.

    Raises:
        SmaltiError: models or key are others now, or rows were removed, so that a difference would say nothing.
    """
    _refuse(settings, of)
    began = min((row["started_at"] for row in ledger.stages(settings.ledger, of.run_id)), default="")
    name = f"rebuild/{of.version}"
    with aside.home(settings, name, lambda _, lines: known_then(lines, of.batch), began) as home:
        run.open_run(home, of.run_id, of.as_of)
        if of.links_run_id:
            run.accept_links(home, of.links_run_id)
        dbt.build(home, _FOLDERS, data_tests=False)
        with run.working(home, read_only=True) as connection:
            return digest.of(connection, "working")


def _refuse(settings: Settings, of: Record) -> None:
    told = f"version {of.version} cannot be built again"
    if dbt.fingerprint() != of.fingerprint:
        raise SmaltiError(f"{told}: other models built it; allowed are those of today's checkout")
    if of.key_id != key_id(settings.hmac_key):
        raise SmaltiError(f"{told}: its people are named under key {of.key_id}; allowed is the key in use")
    every = (line for path in settings.raw.glob("*/manifest.jsonl") for line in manifest.read(path.parent))
    if any((line.expired_by or 0) > of.batch >= line.batch for line in every):
        raise SmaltiError(f"{told}: retention has removed rows that it had; allowed are versions since then")


def known_then(lines: list[Line], batch: int) -> list[Line]:
    """The manifest as it stood after that batch: files that came later are not there, corrections not yet made."""
    return [
        line.model_copy(update={"status": "loaded", "superseded_by": None})
        if (line.superseded_by or 0) > batch
        else line
        for line in lines
        if line.batch <= batch
    ]
