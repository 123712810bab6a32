"""One shop, a few runs: whoever is delivered is whom the oracle delivers, and every stage left its product.

One file, because the test runner hands out whole files: the runs are shared.
"""

import csv
import io
import json
import os
import re
import stat
import subprocess
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.pipeline.oracle import ACTIVATIONS, NAMES, RULES, SCORED
from tests.pipeline.oracle_files import csv_rows, exports, json_rows
from tests.pipeline.promised import PROMISED
from tests.pipeline.shop import FLOOR, Shop, canaries
from tests.pipeline.state import State
from tests.pipeline.told import Listener, events, rests_on

STAGES = {"load_raw", "check_raw", "open_run", "build_profiles", "score_customers", "check_scores", "build_audience"}
STAGES |= {"link_records", "backfill_features", "train_models", "take_turn", "publish", "deliver", "report", "end_run"}


def members_file(shop: Shop, name: str = "members.csv") -> dict[str, tuple[str, list[str]]]:
    rows = csv.DictReader(io.StringIO(shop.state.delivered[name].decode()))
    return {row["customer_id"]: (row["contact_id_crm"], row["segment_ids"].split("|")) for row in rows}


def test_people_are_the_oracles_people(shop: Shop) -> None:
    assert len(shop.people()) > 4000
    assert shop.summary["as_of"] == shop.answer.as_of.isoformat() == "2026-09-01T00:00:00"


def test_bots_are_the_oracles_bots(shop: Shop) -> None:
    people = shop.people()
    rows = shop.home.query("select customer_id from profiles.customers where is_bot", shop.state.version)
    bots = {number for number, person in enumerate(shop.answer.people) if person.is_bot}
    assert {people[customer] for (customer,) in rows} == bots
    assert len(bots) > 10


def test_revenue_is_the_oracles_to_the_penny(shop: Shop) -> None:
    people = shop.people()
    wanted = "customer_id, orders_count, spend_total_amount, contact_id_crm, is_active, discounted_orders_share"
    for customer, orders, amount, contact, is_active, share in shop.home.query(
        f"select {wanted} from profiles.customers", shop.state.version
    ):
        person = shop.answer.people[people[customer]]
        assert orders == len(person.completed)
        assert amount == sum(order.amount for order in person.completed)
        assert contact == person.contact_id
        assert is_active == person.is_active(shop.answer.as_of)
        discounted = sum(order.is_discounted for order in person.completed)
        assert share == (discounted / orders if orders else None)


@pytest.mark.parametrize("segment", NAMES)
def test_a_segment_has_exactly_the_oracles_members(segment: str, shop: Shop, memberships: dict[str, set[int]]) -> None:
    wanted, found = shop.answer.members[segment], memberships.get(segment, set())
    assert (sorted(wanted - found), sorted(found - wanted)) == ([], [])
    edges = [one for one in wanted if any("edge" in value for _, value in shop.answer.people[one].identifiers)]
    assert edges or segment not in RULES, "nobody on the boundaries is in this segment"


def test_segments_by_score_are_those_of_whom_a_model_said_so(
    memberships: dict[str, set[int]], scored: dict[str, set[int]]
) -> None:
    assert {name: memberships.get(name, set()) for name in SCORED} == scored
    assert any(scored[name] for name in SCORED if name.startswith("persona_"))
    assert len(scored["likely_buyers"]) > FLOOR


def test_the_member_file_is_the_oracles_person_by_person(
    shop: Shop, due: set[tuple[str, int]], controls: set[tuple[str, int]]
) -> None:
    people = shop.people()
    found = {people[customer]: row for customer, row in members_file(shop).items()}
    wanted = {
        person: (shop.answer.people[person].contact_id, segments)
        for person, segments in shop.answer.audience(due, lambda *pair: pair in controls).items()
    }
    differences = {one for one in found.keys() | wanted.keys() if found.get(one) != wanted.get(one)}
    assert not differences
    assert len(found) > 500


def test_permissions_are_the_oracles_word_by_word(shop: Shop) -> None:
    people = shop.people()
    rows = shop.query("select customer_id, purpose, channel, is_granted, recorded_at from profiles.customer_consents")
    found = {(people[customer], (purpose, channel)): (at, granted) for customer, purpose, channel, granted, at in rows}
    wanted = {
        (number, use): said for number, one in enumerate(shop.answer.people) for use, said in one.permissions.items()
    }
    assert found == wanted
    ads = [said for (_, use), said in found.items() if use[0] == "personalised_advertising"]
    assert {granted for _, granted in ads} == {True, False}
    assert any(use[0] == "third_party_sharing" for _, use in found), "nobody's browser refuses"


def test_assignments_are_the_lots_of_those_who_may_be_sent(
    shop: Shop, due: set[tuple[str, int]], controls: set[tuple[str, int]]
) -> None:
    people = shop.people()
    rows = shop.query("select segment_id, customer_id, arm, propensity, assigned_at from activation.assignments")
    assert {(segment, people[customer]) for segment, customer, *_ in rows} == due
    assert {(segment, people[one]) for segment, one, arm, *_ in rows if arm == "control"} == controls
    assert {(arm, round(chance, 9)) for *_, arm, chance, _ in rows} == {("control", 0.0595), ("treated", 0.9405)}
    assert {at for *_, at in rows} == {shop.answer.as_of}
    exposed = shop.query("select segment_id, customer_id, arm, exposed_at, ended_at from activation.exposures")
    assert {(row[0], people[row[1]]) for row in exposed} == due
    assert {row[3:] for row in exposed} == {(shop.answer.as_of, None)}
    withheld = shop.query("select segment_id, customers from activation.withheld where reason = 'holdout'")
    assert dict(withheld) == Counter(segment for segment, _ in controls)
    assert shop.query("select count(*) from activation.balance where not is_balanced") == [(0,)]


def test_everybody_in_the_audience_has_a_proof_that_the_exports_bear_out(shop: Shop) -> None:
    people, proven = shop.people(), set()
    rows = shop.query(
        "select customer_id, purpose, channel, segment_ids, decided_at, source from activation.consent_proofs"
    )
    for customer, purpose, channel, segments, at, source in rows:
        assert shop.answer.people[people[customer]].permissions[purpose, channel] == (at, True)
        assert source == "crm"
        assert {ACTIVATIONS[segment] for segment in segments} == {(purpose, channel)}
        proven |= {(customer, segment) for segment in segments}
    assert proven == {(customer, one) for customer, (_, segments) in members_file(shop).items() for one in segments}


def test_segments_above_the_floor_are_delivered_and_the_others_held(shop: Shop, scored: dict[str, set[int]]) -> None:
    members = shop.answer.members | scored
    held = {segment for segment in ACTIVATIONS if shop.answer.active(members[segment]) < FLOOR}
    few = "currently_browsing_premium high_engagement lapsed_big_spenders rfm_at_risk trend_seekers"
    assert held == {*few.split(), "northern_app_browsers", "northern_evening_app_readers"}
    delivered = {Path(name).stem for name in shop.state.delivered if name.startswith("segments/")}
    assert delivered == set(ACTIVATIONS) - held
    assert {segment for _, row in members_file(shop).values() for segment in row} == delivered
    rows = shop.home.query("select segment_id, members, active_members, is_sendable from segments.catalog")
    assert rows
    for segment, size, active, is_sendable in rows:
        assert (size, active) == (len(members[segment]), shop.answer.active(members[segment]))
        assert is_sendable == (active >= FLOOR)


def test_files_of_segments_agree_with_the_member_file(shop: Shop) -> None:
    wanted: dict[str, dict[str, str]] = defaultdict(dict)
    for customer, (contact, segments) in members_file(shop).items():
        for segment in segments:
            wanted[segment][customer] = contact
    for segment, people in wanted.items():
        rows = csv.DictReader(io.StringIO(shop.state.delivered[f"segments/{segment}.csv"].decode()))
        assert {row["customer_id"]: row["contact_id_crm"] for row in rows} == people


def test_csv_jsonl_and_parquet_say_the_same(shop: Shop) -> None:
    stems = {name.removesuffix(".csv") for name in shop.state.delivered if name.endswith(".csv")}
    assert {"members", "segments/high_value"} <= stems
    for stem in stems:
        tabular = list(csv.DictReader(io.StringIO(shop.state.delivered[f"{stem}.csv"].decode())))
        lines = [json.loads(line) for line in shop.state.delivered[f"{stem}.jsonl"].splitlines()]
        assert lines == pl.read_parquet(shop.state.delivered[f"{stem}.parquet"]).to_dicts()
        for line in lines:
            if "segment_ids" in line:
                line["segment_ids"] = "|".join(line["segment_ids"])
        assert [{name: told or "" for name, told in line.items()} for line in lines] == tabular


def test_every_row_of_every_file_is_accounted_for(shop: Shop) -> None:
    keys = {
        "crm_contacts": ("contacts_*.csv", "contact_id updated_at"),
        "crm_consents": ("consents_*.csv", "contact_id purpose channel recorded_at"),
        "shop_products": ("products_*.csv", "product_id updated_at"),
        "shop_orders": ("orders_*.csv", "order_id status"),
        "shop_order_lines": ("order_lines_*.csv", "order_id line_number"),
        "shop_order_discounts": ("order_discounts_*.csv", "order_id"),
        "shop_promotions": ("promotions_*.csv", "promotion_code updated_at"),
        "support_tickets": ("tickets_*.csv", "ticket_id updated_at"),
        "survey_answers": ("survey_answers_*.csv", "answer_id"),
        "loyalty_members": ("loyalty_members_*.csv", "loyalty_number updated_at"),
        "weather": ("weather_*.csv", "region observed_on published_at"),
        "shop_stock": ("stock_*.csv", "product_id counted_at"),
    }
    rows = {source: list(csv_rows(shop.data, pattern)) for source, (pattern, _) in keys.items()}
    counts = {
        source: (len(rows[source]), len({tuple(row[key] for key in names.split()) for row in rows[source]}))
        for source, (_, names) in keys.items()
    }
    events = [row["event_id"] for row in json_rows(shop.data)]
    counts["web_events"] = len(events), len(set(events))
    letters = [row["event_id"] for row in json_rows(shop.data, "email_engagement_*.jsonl")]
    counts["email_engagement"] = len(letters), len(set(letters))
    frames = [pl.read_parquet(path) for path in exports(shop.data, "demographics_*.parquet")]
    counts["demographics"] = sum(map(len, frames)), len(pl.concat(frames).unique(["email", "observed_at"]))
    for balance in shop.summary["sources"]:
        rows_in, loaded = counts.pop(balance["source"], (0, 0))
        assert (balance["rows_in"], balance["rows_loaded"]) == (rows_in, loaded), balance["source"]
        assert (balance["rows_duplicate"], balance["rows_rejected"]) == (rows_in - loaded, 0), balance["source"]
    assert not counts


def test_accepted_is_what_the_member_file_says(shop: Shop) -> None:
    told = {customer: segments for customer, (_, segments) in members_file(shop).items()}
    assert {customer: segments for (_, customer), segments in shop.state.accepted.items()} == told
    audience = shop.home.query("select customer_id, segment_ids from activation.audience", shop.state.version)
    assert {customer: list(segments) for customer, segments in audience} == told
    assert {destination for destination, _ in shop.state.accepted} == {"files"}


def test_everybody_has_sessions_and_interests_of_their_own_events(shop: Shop) -> None:
    people = shop.people()
    counted: dict[str, int] = dict(
        shop.home.query(
            "select customer_id, sum(events_count) from profiles.sessions group by customer_id", shop.state.version
        )
    )
    by_person = {people[customer]: int(events) for customer, events in counted.items()}
    assert by_person == {
        number: len(person.events) for number, person in enumerate(shop.answer.people) if person.events
    }
    interested = {people[customer] for (customer,) in shop.home.query("select customer_id from profiles.interests")}
    weighty = {"product_view", "add_to_cart", "purchase"}
    assert interested <= {
        number
        for number, person in enumerate(shop.answer.people)
        if any(event.kind in weighty for event in person.events) or person.orders
    }
    assert len(interested) > 1000


def test_every_stage_ran_and_left_its_product(shop: Shop) -> None:
    home, run = shop.home.path, shop.summary["run_id"]
    assert {row[1] for row in shop.runs} == STAGES
    assert {row[10] for row in shop.runs} <= {"ok", "none"}
    assert stat.S_IMODE((home / "vault.duckdb").stat().st_mode) == 0o600
    sources = {balance["source"] for balance in shop.summary["sources"]}
    assert {path.parent.name for path in home.glob("raw/*/contract.json")} == sources
    assert (home / "features" / run / "features.parquet").exists()
    assert {"propensity.parquet", "clusters.parquet"} <= {path.name for path in (home / "scores" / run).iterdir()}
    assert {"raw.json", "volume.json", "scores.json"} <= {path.name for path in (home / "gates" / run).iterdir()}
    # Data Docs show the latest result of every suite
    pages = home.glob("gates/data_docs/validations/*/*/*/*.html")
    assert {page.parts[-4].split("_")[0] for page in pages} == {"raw", "volume", "scores"}
    assert {card.parent.parent.name for card in home.glob("models/*/*/card*")} >= {"purchase", "clusters"}
    assert shop.state.receipts
    assert {row[3] for row in shop.state.receipts} == {"accepted"}


def test_airflows_metrics_and_ours_reach_the_server_that_the_setting_names(shop: Shop, listener: Listener) -> None:
    assert shop.runs
    assert {"airflow.ti.finish.nightly.publish_version.success", "airflow.task.duration"} <= listener.values.keys()
    [loaded] = [row for row in shop.summary["sources"] if row["source"] == "web_events"]
    assert listener.values["smalti.load_raw.web_events.rows_loaded"][0] == f"{loaded['rows_loaded']}|g"
    assert listener.values["smalti.publish.ok"][0] == "1|c"


def test_lineage_leads_from_every_export_to_the_destination(shop: Shop) -> None:
    found = events(shop.home.path, shop.summary["run_id"])
    loaded = {f"exports/{row['source']}" for row in shop.summary["sources"] if row["rows_loaded"]}
    context = {"exports/shop_promotions", "exports/weather"}  # published beside the people, part of no segment
    assert context <= loaded
    assert {
        name for table in ("promotions", "weather") for name in rests_on(found, f"published/profiles.{table}")
    } > context
    loaded -= context
    delivered = rests_on(found, "destinations/files")
    assert (
        loaded | {"scores/propensity", "warehouse/segment_rules.high_value", "published/segments.catalog"} <= delivered
    )
    orders = {name for name in rests_on(found, "warehouse/input.orders") if name.startswith("exports/")}
    assert orders == {"exports/shop_orders"}, "no more than it rests on"
    assert {event["eventType"] for event in found} == {"START", "COMPLETE"}
    assert str(shop.home.path) not in json.dumps(found)


def test_published_tables_keep_the_promised_names_and_columns(shop: Shop) -> None:
    missing = {
        f"{table}.{column}"
        for table, columns in PROMISED.items()
        for column in columns.split()
        if column not in shop.columns.get(table, set())
    }
    assert not missing
    empty = {"profiles.merges", "ops.rejects", "scores.cluster_migrations"}
    assert {name for name in PROMISED if not shop.state.tables.get(name, [()])} <= empty


def test_status_tells_what_is_published(again: tuple[State, object], shop: Shop) -> None:
    told = json.loads(shop.home.smalti("status", "--json").stdout)
    assert told["published"]["version"] == again[0].version
    assert told["published"]["as_of"] == "2026-09-01T00:00:00"
    with duckdb.connect(told["published"]["path"], read_only=True) as connection:
        assert connection.execute("select count(*) from profiles.customers").fetchall() == [(len(shop.people()),)]
    told_of = [run["status"] for run in told["runs"]]
    assert told_of == ["problem", "failed", "ok"], "the last with a corrupt file, the one before was killed"


def test_the_list_of_segments_hides_sizes_below_the_floor(again: tuple[State, object], shop: Shop) -> None:
    assert again
    told = {row["segment_id"]: row for row in json.loads(shop.home.smalti("segments", "list", "--json").stdout)}
    assert set(told) == {*NAMES, *SCORED}
    for segment, members in shop.answer.members.items():
        active = shop.answer.active(members)
        shown = (told[segment]["members"], told[segment]["active_members"], told[segment]["is_sendable"])
        assert shown == ((len(members), active, True) if active >= FLOOR else (None, None, False))


def test_no_email_or_phone_stands_in_the_clear_outside_the_vault(again: tuple[State, object], shop: Shop) -> None:
    assert again
    looked_for = [text.encode() for text in canaries(shop)]
    assert len(looked_for) > 40
    pattern = re.compile(b"|".join(map(re.escape, looked_for)))
    found, read = [], set()
    for path in shop.home.path.rglob("*"):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("vault.duckdb"):
            read.add(path.relative_to(shop.home.path).parts[0])
            if pattern.search(path.read_bytes().lower()):
                found.append(str(path.relative_to(shop.home.path)))
    assert not found
    assert {"raw", "warehouse", "published", "logs", "gates", "scores", "features", "models", "outbox"} <= read
    assert {"ledger.sqlite", "airflow"} <= read


def test_no_email_or_phone_hides_in_compressed_columns(again: tuple[State, object], shop: Shop) -> None:
    assert again
    looked_for = "|".join(map(re.escape, canaries(shop)))
    home, folders = shop.home.path, ("raw/*/*", "features/*", "scores/*", "gates/*", "durable/**", "outbox/files/*")
    for folder in folders:
        rows = f"read_parquet('{home}/{folder}/*.parquet', union_by_name = true)"
        assert _held(duckdb.connect(), rows, looked_for) == (True, 0), folder
    for path in [*home.glob("warehouse/*.duckdb"), *home.glob("published/2*.duckdb")]:
        with duckdb.connect(path, read_only=True) as connection:
            tables = connection.execute(
                'select format(\'"{}"."{}"\', table_schema, table_name) from information_schema.tables'
                " where table_type = 'BASE TABLE' or table_catalog <> 'working'"  # a version's views are its tables
            ).fetchall()
            found = [table for (table,) in tables if _held(connection, table, looked_for)[1]]
        assert (bool(tables), found) == (True, []), path.name


def _held(connection: duckdb.DuckDBPyConnection, rows: str, looked_for: str) -> tuple[bool, int]:
    """Whether there are rows, and how many hold one of the values sought."""
    query = f"select count(*) > 0, count(*) filter (regexp_matches(lower(cast(t as varchar)), ?)) from {rows} as t"
    [(there, found)] = connection.execute(query, [looked_for]).fetchall()
    return there, found


def test_the_canaries_are_really_in_the_vault(shop: Shop) -> None:
    with duckdb.connect(shop.home.path / "vault.duckdb", read_only=True) as connection:
        known = {value.lower() for (value,) in connection.execute("select value from identifiers").fetchall()}
    emails = [text for text in canaries(shop) if "@" in text]
    assert len(emails) > 20
    assert set(emails) <= known


def test_a_run_killed_while_building_profiles_leaves_the_published_version_alone(
    shop: Shop, cut_short: tuple[State, list[str]]
) -> None:
    state, survivors = cut_short
    assert survivors == []
    assert state == shop.state


def test_the_same_files_again_change_nothing_and_send_nothing(
    shop: Shop, again: tuple[State, subprocess.CompletedProcess[str]]
) -> None:
    state, ended = again
    assert ended.returncode == 0, ended.stderr
    assert state.version != shop.state.version
    assert state.tables.keys() == shop.state.tables.keys()
    assert [name for name, rows in state.tables.items() if rows != shop.state.tables[name]] == []
    assert (state.accepted, state.receipts) == (shop.state.accepted, shop.state.receipts)
    assert state.delivered == shop.state.delivered
    [delivery] = json.loads(ended.stdout)["deliveries"]
    assert delivery["sent"] is None
    assert shop.home.query("select count(*) from activation.audience_changes") == [(0,)]
    assert len(shop.home.ledger("select * from plans")) == 1


def test_a_corrupt_file_beside_good_ones_is_one_line_and_harms_nothing(
    shop: Shop, again: tuple[State, subprocess.CompletedProcess[str]]
) -> None:
    _, ended = again
    told = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert len(told["problems"]) == 1
    assert "events_2026-09-01T00.jsonl.gz" in told["problems"][0]
    assert "Traceback" not in ended.stderr
    assert [line for line in ended.stderr.splitlines() if "events_2026-09-01T00" in line]
    assert told["as_of"] == "2026-09-01T00:00:00", "a file that was not loaded says nothing about time"
    with shop.home.published() as connection:
        assert connection.execute("select as_of from ops.control").fetchall() == [(datetime(2026, 9, 1),)]
    assert os.access(shop.home.path / "published" / "current.duckdb", os.R_OK)
