"""What a person is shown and why: read from the published version, which keeps each choice with its reasons."""

import json
from typing import Any

import duckdb

from smalti import person, summary
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_CONTENT = """
select destination, channel, situation_id, content.stage, recipients.segment_ids, recipients.region,
    recipients.usual_device, payload
from activation.content as content
join activation.content_recipients as recipients using (destination, channel, customer_id, situation_id)
where customer_id = $id and channel = coalesce($channel, channel)
order by destination, channel"""
_PASSED_OVER = """
select row_id, passed_over_for
from activation.content_candidates
where situation_id = ? and passed_over_for is not null
order by specificity desc, priority, row_id"""
_WITHHELD = """
select distinct destination, channel,
    case when not is_sendable then 'floor' when not has_consent then 'consent' else 'holdout' end as reason
from activation.activated_memberships as memberships
anti join activation.content using (destination, channel, customer_id)
where customer_id = $id and channel = coalesce($channel, channel)
order by all"""


def show(settings: Settings, asked: str, channel: str | None) -> dict[str, Any]:
    """What whom `asked` names is shown, by destination and channel, with the rows that were passed over for what.

    Where they are shown nothing, `withheld` says what keeps them out; an empty one: they are in no segment sent there.

    Raises:
        SmaltiError: nothing is published, nobody of that name is known, or there is no such channel.
    """
    customer = person.whom(settings, asked)
    with duckdb.connect(settings.current, read_only=True) as connection:
        _check(connection, customer, channel)
        [(as_of,)] = connection.execute("select as_of from ops.control").fetchall()
        bound = {"id": customer, "channel": channel}
        content = [_told(connection, row) for row in summary.rows(connection, _CONTENT, bound)]
        withheld = summary.rows(connection, _WITHHELD, bound)
        label = {"simulated": summary.is_simulated(connection)}
    return {"customer_id": customer, "as_of": as_of, "content": content, "withheld": withheld} | label


def _check(connection: duckdb.DuckDBPyConnection, customer: str, channel: str | None) -> None:
    if not connection.execute("select 1 from profiles.customers where customer_id = ?", [customer]).fetchall():
        raise SmaltiError("no such person; allowed is a customer_id or TYPE:VALUE of somebody who is published")
    query = "select distinct channel from profiles.activations order by all"
    channels = [name for (name,) in connection.execute(query).fetchall()]
    if channel is not None and channel not in channels:
        raise SmaltiError(f"nothing is sent on channel {channel!r}; there are: {', '.join(channels)}")


def _told(connection: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> dict[str, Any]:
    """The choice with its payload taken apart."""
    payload = json.loads(row.pop("payload"))
    passed_over = summary.rows(connection, _PASSED_OVER, [row.pop("situation_id")])
    return row | {"tokens": payload["tokens"], "variants": payload["variants"], "passed_over": passed_over}
