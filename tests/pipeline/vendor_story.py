"""Hand-written rows in the shape of the vendors' samples: their addresses are hashed and name nobody twice.

Ann is known to Shopify, HubSpot and, by her address alone, to Iterable; Bob bought as a guest and is known to Klaviyo;
Cat is known to Iterable, Dan to HubSpot. Each file has its sample's header; what a row does not say is empty there.
"""

import csv
from pathlib import Path

Row = dict[str, str]
FIRST, SECOND = "2026-08-01", "2026-08-03"
ANN, BOB, CAT, DAN = (f"{name}@example.com" for name in ("ann", "bob", "cat", "dan"))


def _shopify(updated: str, day: str) -> Row:
    return {
        "id": "1",
        "email": ANN,
        "created_at": "2026-07-01 09:00:00",
        "updated_at": updated,
        "accepts_marketing": "TRUE",
        "_fivetran_synced": f"{day} 12:00:00.000 ",
    }


def _order(number: str, status: str, day: str, **who: str) -> Row:
    times = {"created_at": "2026-07-30 10:00:00", "_fivetran_synced": f"{day} 12:00:00"}
    return (
        {"id": number, "currency": "GBP", "financial_status": status, "test": "FALSE", "source_name": "web"}
        | times
        | who
    )


def _line(number: str, order: str, quantity: str, price: str) -> Row:
    line = {"id": number, "order_id": order, "product_id": "81", "price": price, "quantity": quantity, "index": "1"}
    return line | {"_fivetran_synced": f"{FIRST} 12:00:00"}


def _contact(number: str, email: str, day: str, deleted: str) -> Row:
    times = {"property_createdate": "2026-07-01 09:00:00", "_fivetran_synced": f"{day} 12:00:00"}
    return {"id": number, "property_email": email, "_fivetran_deleted": deleted} | times


def _mail(number: str, kind: str, email: str, at: str) -> Row:
    ids = {"id": number, "sent_by_id": "s1", "email_campaign_id": "2", "type": kind, "recipient": email}
    return ids | {"created": at, "filtered_event": "false", "_fivetran_synced": f"{at[:10]} 12:00:00"}


def _klaviyo(number: str, kind: str) -> Row:
    times = {"datetime": "2026-07-30 10:00:00", "_fivetran_synced": f"{FIRST} 12:00:00"}
    return {"id": number, "person_id": "K1", "campaign_id": "c1", "type": kind, "_fivetran_deleted": "FALSE"} | times


def _iterable(number: str, kind: str) -> Row:
    who = {"_fivetran_id": number, "_fivetran_user_id": "I1", "email": CAT, "message_id": "m1", "campaign_id": "5"}
    return who | {"event_name": kind, "created_at": "2026-07-30 10:00:00", "_fivetran_synced": f"{FIRST} 12:00:00"}


# sample file → its rows of the day
DAYS: dict[str, dict[str, list[Row]]] = {
    FIRST: {
        "shopify_customer_data": [_shopify("2026-07-01 09:00:00", FIRST)],
        "shopify_order_data": [
            _order("11", "paid", FIRST, customer_id="1", email=ANN),
            _order("12", "paid", FIRST, email=BOB),
        ],
        "shopify_order_line_data": [_line("111", "11", "2", "5.00"), _line("121", "12", "1", "7.50")],
        "shopify_gql_order_data": [
            {
                "id": "13",
                "email": BOB,
                "currency_code": "GBP",
                "display_financial_status": "PAID",
                "test": "FALSE",
                "created_at": "2026-07-30 10:00:00",
                "_fivetran_synced": f"{FIRST} 12:00:00",
            }
        ],
        "shopify_gql_order_line_data": [
            {
                "id": "131",
                "order_id": "13",
                "quantity": "2",
                "original_total_set_shop_amount": "5.00",
                "original_total_set_shop_currency_code": "GBP",
                "_fivetran_synced": f"{FIRST} 12:00:00",
            }
        ],
        "contact_data": [_contact("21", ANN, FIRST, "FALSE"), _contact("22", DAN, FIRST, "FALSE")],
        "email_event_data": [
            _mail("s1", "SENT", ANN, "2026-07-30 10:00:00"),
            _mail("o1", "OPEN", ANN, "2026-07-30 11:00:00"),
        ],
        "ticket_data": [
            {
                "id": "31",
                "is_deleted": "FALSE",
                "property_createdate": "2026-07-30 10:00:00",
                "_fivetran_synced": f"{FIRST} 12:00:00",
            }
        ],
        "ticket_contact_data": [{"ticket_id": "31", "contact_id": "21", "_fivetran_synced": f"{FIRST} 12:00:00"}],
        "person": [
            {
                "id": "K1",
                "email": BOB,
                "created": "2026-07-01 09:00:00",
                "updated": "2026-07-01 09:00:00",
                "_fivetran_deleted": "FALSE",
                "_fivetran_synced": f"{FIRST} 12:00:00",
            }
        ],
        "event": [
            _klaviyo("e1", "Received Email"),
            _klaviyo("e2", "Clicked Email"),
            _klaviyo("e3", "Subscribed to Email Marketing"),
        ],
        "user_history_data": [
            {
                "iterable_user_id": "I1",
                "email": CAT,
                "updated_at": "2026-07-01 09:00:00",
                "_fivetran_synced": f"{FIRST} 12:00:00",
            }
        ],
        "event_data": [_iterable("i1", "emailSend"), _iterable("i2", "emailOpen"), _iterable("i3", "emailSubscribe")],
    },
    # the refusals, an order after one of them that touches the customer's row, a refund, a contact that is gone
    SECOND: {
        "user_unsubscribed_channel_history_data": [
            {
                "email": ANN,
                "channel_id": "1",
                "updated_at": "2026-08-02 08:00:00",
                "_fivetran_synced": f"{SECOND} 12:00:00",
            }
        ],
        "shopify_customer_data": [_shopify("2026-08-03 09:00:00", SECOND)],
        "shopify_order_data": [_order("11", "refunded", SECOND, customer_id="1", email=ANN)],
        "email_event_data": [_mail("p1", "SPAMREPORT", CAT, "2026-08-03 10:00:00")],
        "contact_data": [_contact("22", DAN, SECOND, "TRUE")],
    },
}
_DATED = {
    "contact_data": "hubspot_contact",
    "email_event_data": "hubspot_email_event",
    "ticket_data": "hubspot_ticket",
    "person": "klaviyo_person",
    "event": "klaviyo_event",
    "user_history_data": "iterable_user_history",
    "event_data": "iterable_event",
}


def write(day: str, samples: dict[str, Path], folder: Path) -> None:
    """The day's files, named by vendor and date, each with the header of its sample."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in DAYS[day].items():
        with samples[f"{name}.csv"].open(newline="", encoding="utf-8-sig") as stream:
            header = next(csv.reader(stream))
        with (folder / f"{_DATED.get(name, name)}_{day}.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, header)
            writer.writeheader()
            writer.writerows(rows)
