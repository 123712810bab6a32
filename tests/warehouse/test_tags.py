"""Every column of a published table says what it is and how long it is kept; none identifies anybody by itself."""

from typing import Any

import pytest

from warehouse import dbt, durable, tags

TAG = {"pii": "indirect", "purpose": "personalisation", "retention_days": 30}


def project(meta: dict[str, Any], column: dict[str, Any] | None = None) -> dict[str, Any]:
    """A manifest with one published model of one described column."""
    node = {"resource_type": "model", "schema": "profiles", "name": "people", "description": "One row per person."}
    columns = {"city": {"config": {"meta": column or {}}}}
    return {"nodes": {"model.people": node | {"config": {"meta": meta}, "columns": columns}}, "sources": {}}


def found(meta: dict[str, Any], column: dict[str, Any] | None = None) -> list[str]:
    return list(tags.problems(tags.published(project(meta, column))))


@pytest.fixture(scope="module")
def ours() -> dict[str, tags.Table]:
    return tags.published(dbt.project())


def test_every_published_column_of_the_project_is_tagged(ours: dict[str, tags.Table]) -> None:
    assert len(ours) > 20
    assert list(tags.problems(ours)) == []


def test_decisions_say_the_days_after_which_they_go(ours: dict[str, tags.Table]) -> None:
    named = {name.split(".")[1] for name in ours}
    assert set(durable.KEPT) - named == {"customer_ids"}
    assert list(tags.kept_otherwise(ours)) == []
    columns = {"from_customer_id": tags.Tag("indirect", "personalisation", 30)}
    other = {"profiles.merges": tags.Table("profiles.merges", "", tags.Tag("none", "operations", 2_000), columns)}
    assert [line.split(" · ")[0] for line in tags.kept_otherwise(other)] == [
        "profiles.merges.*: retention_days 2000",
        "profiles.merges.from_customer_id: retention_days 30",
    ]


def test_a_column_has_its_tables_tag_unless_its_own_says_otherwise(ours: dict[str, tags.Table]) -> None:
    customers = ours["profiles.customers"]
    assert customers.of("spend_total_amount") == customers.of("not described") == customers.tag
    assert customers.of("emails_sent_90d_count") == tags.Tag("indirect", "marketing_email", 1095)


@pytest.mark.parametrize("missing", TAG)
def test_a_table_without_a_part_of_its_tag_is_noticed(missing: str) -> None:
    lines = found({name: value for name, value in TAG.items() if name != missing})
    assert [line.split(":")[0] for line in lines] == ["profiles.people.*", "profiles.people.city"]
    assert all("not tagged" in line for line in lines)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"pii": "direct"}, "a direct identifier in a published table"),
        ({"pii": "public"}, "class 'public'"),
        ({"retention_days": 0}, "retention_days"),
        ({"retention_days": "long"}, "retention_days"),
    ],
)
def test_a_column_that_no_published_table_may_have_is_noticed(column: dict[str, Any], told: str) -> None:
    assert [told in line for line in found(TAG, column)] == [True]


def test_a_column_may_be_tagged_where_its_table_is_not() -> None:
    assert [line.split(":")[0] for line in found({}, TAG)] == ["profiles.people.*"]
