"""What really is: who is who, and the hidden traits. For evaluation only; the pipeline never reads it."""

import numpy as np
import polars as pl

from simulator import words
from simulator.chances import order_chance
from simulator.contacts import Contacts
from simulator.devices import Devices
from simulator.population import BOT, KINDS, NEVER
from simulator.window import Bools, Ints
from simulator.world import World


def people_truth(world: World) -> pl.DataFrame:
    """Tell one row a person: kind, identifiers (a shared device stands with both its people), traits.

    Rates are per day. `offer_effect` is the log of what an offer multiplies the chance of an order by;
    `order_chance_14d` is the chance to order within a fortnight after the window, without an offer. `created_day` and
    `lapsed_day` count from the window's first day, null where there is none.
    """
    people = world.people
    n = len(people.kind)
    categories = [c[0] for c in words.CATEGORIES]
    favourite = np.argmax(np.diff(people.taste, axis=1, prepend=0.0), axis=1)
    traits = pl.DataFrame(
        {
            "person_id": np.arange(n),
            "kind": pl.Series(KINDS).gather(people.kind),
            "is_bot": people.kind == BOT,
            "household": people.household,
            "favourite_category": pl.Series(categories).gather(favourite),
            "purchase_rate": people.order_rate,
            "session_rate": people.session_rate,
            "store_share": people.store_share,
            "price_sensitivity": people.thrift,
            "offer_effect": world.economics.offer_effect,
            "order_chance_14d": order_chance(world, world.window.days, 14),
            "burst_rate": people.burst,
            "usual_hour": people.hour,
            "market_cycle_days": people.cycle,
            "market_stay_days": people.stay,
            "created_day": _or_null(people.created, people.created > -NEVER),
            "lapsed_day": _or_null(people.lapsed, people.lapsed < NEVER),
            "shares_device": np.isin(np.arange(n), np.append(world.devices.shared, world.devices.shared - 1)),
        }
    )
    for name, owned in _owned(world.devices, world.contacts).items():
        traits = traits.join(owned.group_by("person_id").agg(pl.col(name).sort()), on="person_id", how="left")
    return traits.sort("person_id")


def _owned(devices: Devices, contacts: Contacts) -> dict[str, pl.DataFrame]:
    """Person and identifier, by kind of identifier."""
    person, slot = np.nonzero(devices.of >= 0)
    device = devices.of[person, slot]
    is_web = devices.platform[device] == words.WEB
    named = np.arange(len(contacts.email))
    return {
        "contact_ids": pl.DataFrame({"person_id": contacts.person, "contact_ids": contacts.ids}),
        "emails": pl.DataFrame({"person_id": named, "emails": contacts.email}),
        "anonymous_ids": pl.DataFrame(
            {"person_id": person[is_web], "anonymous_ids": devices.ids.gather(device[is_web])}
        ),
        "device_ids": pl.DataFrame({"person_id": person[~is_web], "device_ids": devices.ids.gather(device[~is_web])}),
    }


def _or_null(values: Ints, where: Bools) -> pl.Series:
    return pl.select(pl.when(pl.Series(where)).then(pl.Series(values))).to_series()
