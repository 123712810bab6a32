"""Made-up web events for benchmarks, by SQL: the same rows for the same number, whoever asks.

Fifty events a device in visits of ten, products by Zipf. One visit in twelve stays in a category and one in sixty with
a product: 20 % of the people are enthusiasts and 7 % engaged, in a real shop's morning (REES46) it is 11 % and 6 %.
A third of the devices is logged in all the time, the others only to buy; one user in ten has a second device.
"""

AS_OF = "timestamp '2026-08-31'"
COLUMNS = (
    *("event_id", "anonymous_id", "user_id", "event_type", "product_id", "category"),
    *("price", "url", "device", "city", "ts"),
)
_DRAWN = "(hash(i) % 1000003) / 1000003.0"  # evenly from 0 to 1
_EVENTS = """
    select
        md5(i::varchar) as event_id, md5((i // 50)::varchar) as anonymous_id,
        if(i // 50 % 3 = 0 or kind = 19, 'u' || if(i // 50 % 10 = 1, i // 50 - 1, i // 50), null) as user_id,
        case
            when kind < 11 then 'product_view' when kind < 15 then 'page_view' when kind < 17 then 'search'
            when kind < 19 then 'add_to_cart' else 'purchase'
        end as event_type,
        'P' || lpad(product::varchar, 5, '0') as product_id, 'c' || (product % 40) as category,
        ((hash(product) % 20000) / 100.0)::decimal(18, 2) as price,
        'https://shop.example/c' || (product % 40) || '/' || md5((hash(i + 7) % 500000)::varchar) as url,
        (['desktop', 'mobile', 'tablet'])[1 + (hash(i // 50 + 3) % 3)::bigint] as device,
        (['London', 'Leeds', 'Hull', 'York', 'Bath', 'Ely'])[1 + (hash(i // 50 + 4) % 6)::bigint] as city,
        {as_of} - interval {days} day + to_microseconds(
            (hash(i // 10 + 5) % ({seconds} - 1200) * 1000000 + i % 10 * (20 + hash(i) % 100) * 1000000 + 1)::bigint
        ) as ts
    from (
        select
            i, hash(i + 1) % 20 as kind,
            case
                when hash(i // 10) % 12 = 0 then 40 * floor(pow(500.0, {drawn})) + (hash(i // 10 + 9) % 40)::integer
                when hash(i // 10) % 60 = 1 then floor(pow(20000.0, (hash(i // 10) % 1000003) / 1000003.0))
                else floor(pow(20000.0, {drawn}))
            end::integer as product
        from range({rows}) as r (i)
    )
"""


def sql(rows: int, *, days: int) -> str:
    """SQL for so many events of the last so many days."""
    return _EVENTS.format(as_of=AS_OF, rows=rows, days=days, seconds=86400 * days, drawn=_DRAWN)


def delivered(rows: int, *, days: int) -> str:
    """SQL for the same as exports bring them: in order of time, one event in a hundred twice."""
    return f"""
        select {", ".join(COLUMNS)} from ({sql(rows, days=days)})
        cross join lateral (select unnest(range(if(hash(event_id) % 100 = 0, 2, 1))))
        order by ts, event_id
    """
