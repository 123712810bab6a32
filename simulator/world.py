"""Everything that is drawn once, before the first day: catalogue, people, their devices and contact records."""

from dataclasses import dataclass

from simulator.catalog import Catalog, make_catalog
from simulator.contacts import Contacts, make_contacts
from simulator.devices import Devices, make_devices
from simulator.economics import NULL, Economics, make_economics
from simulator.population import People, make_people
from simulator.window import Window


@dataclass(frozen=True)
class World:
    """The shop and everybody around it. What happens on a day follows from it, the day and the seed."""

    window: Window
    catalog: Catalog
    people: People
    devices: Devices
    contacts: Contacts
    economics: Economics


def make_world(customers: int, events: float, window: Window, kind: str = NULL) -> World:
    """Draw a world, of one of the kinds `economics.WORLDS`, whose window holds about `events` events."""
    people = make_people(customers, events, window)
    return World(
        window=window,
        catalog=make_catalog(window),
        people=people,
        devices=make_devices(people, window),
        contacts=make_contacts(people, window),
        economics=make_economics(kind, people, window),
    )
