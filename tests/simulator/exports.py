"""The simulated exports read strictly as their types, one table a source."""

from datetime import date, timedelta
from pathlib import Path

import duckdb

CUSTOMERS, DAYS, SEED, END = 1_000, 8, 7, date(2026, 8, 31)
START = END - timedelta(days=DAYS - 1)
EVENT_TYPES = {
    "event_id": "varchar", "event_type": "varchar", "occurred_at": "timestamp", "anonymous_id": "varchar",
    "device_id": "varchar", "user_id": "varchar", "platform": "varchar", "user_agent": "varchar", "url": "varchar",
    "referrer": "varchar", "product_id": "varchar", "category": "varchar", "search_query": "varchar",
    "order_id": "varchar", "value_amount": "decimal(18, 2)", "global_privacy_control": "boolean",
}  # fmt: skip
CSV_TYPES = {
    "contacts": "{'birth_date': 'date', 'created_at': 'timestamp', 'updated_at': 'timestamp'}",
    "consents": "{'recorded_at': 'timestamp'}",
    "products": "{'price_amount': 'decimal(18, 2)', 'updated_at': 'timestamp'}",
    "orders": "{'ordered_at': 'timestamp'}",
    "order_discounts": "{'discount_amount': 'decimal(18, 2)', 'applied_at': 'timestamp'}",
    "promotions": "{'discount_percent': 'integer', 'valid_from': 'timestamp', 'valid_to': 'timestamp'}",
    "loyalty_members": "{'points': 'integer', 'joined_at': 'timestamp', 'updated_at': 'timestamp'}",
    "tickets": "{'opened_at': 'timestamp', 'updated_at': 'timestamp'}",
    "survey_answers": "{'score': 'integer', 'answered_at': 'timestamp'}",
    "weather": "{'observed_on': 'date', 'temperature_min_celsius': 'double', 'temperature_max_celsius': 'double',"
    " 'precipitation_mm': 'double', 'published_at': 'timestamp'}",
    "stock": "{'stock_count': 'integer', 'counted_at': 'timestamp'}",
    "order_lines": "{'quantity': 'bigint', 'unit_price_amount': 'decimal(18, 2)'}",
}


def number(shop: duckdb.DuckDBPyConnection, query: str) -> float:
    return float(shop.execute(query).fetchall()[0][0])


def tables(folder: Path) -> duckdb.DuckDBPyConnection:
    """Every export read strictly as its types, one table a source."""
    con = duckdb.connect()
    for name, types in CSV_TYPES.items():
        con.execute(
            f"create table {name} as select *, parse_filename(filename) as file from read_csv("
            f"'{folder}/*/{name}_*.csv', header = true,"
            f" auto_type_candidates = ['varchar'], types = {types}, filename = true)"
        )
    events = ", ".join(f"'{column}': '{kind}'" for column, kind in EVENT_TYPES.items())
    con.execute(
        f"create table events as select *, strptime(regexp_extract(filename, 'events_(.{{13}})', 1), '%Y-%m-%dT%H') as"
        f" file_hour from read_json('{folder}/web/*.jsonl.gz', format = 'newline_delimited',"
        f" columns = {{{events}}}, filename = true)"
    )
    con.execute(
        "create table letters as select *, parse_filename(filename) as file from read_json("
        f"'{folder}/email/*.jsonl', format = 'newline_delimited', filename = true, columns = {{"
        "event_id: 'varchar', event_type: 'varchar', occurred_at: 'timestamp', campaign_id: 'varchar',"
        " message_id: 'varchar', contact_id: 'varchar', bounce_type: 'varchar'})"
    )
    con.execute(f"create table demographics as from '{folder}/enrichment/demographics_2026-08-31.parquet'")
    con.execute(f"create table truth as from '{folder}/_truth/people.parquet'")
    return con
