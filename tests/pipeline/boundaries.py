"""Exports of people who stand exactly on the boundaries of the rules, to lie beside those of the simulated shop.

Random shops miss the edges: a view 600.000 seconds after the first, an order of the ninetieth day, the sixth contact
of one e-mail, a permission and its refusal of the same moment. Here nearly everybody stands on one.
"""

import csv
import gzip
import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_DAY, _HOUR, _SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
_STEPS = (-_SECOND, timedelta(0), _SECOND)
_CUBOT = "Mozilla/5.0 (Linux; Android 14; CUBOT NOTE 50) AppleWebKit/537.36 Chrome/126.0.0.0 Mobile Safari/537.36"
_BROWSERS = ("Mozilla/5.0 Firefox/141.0", "ShopApp/5.2 (Pixel 9; Android 15)", _CUBOT)
_BOTS = ("ExampleBot/2.1", "a CRAWLER", "spider", "python-requests/2.32.3", "HeadlessChrome/138.0.0.0")
_CONTACT = (
    "contact_id email phone first_name last_name street postcode city region country birth_date created_at updated_at"
)


class Edges:
    """Draws people, orders and events; the same seed writes the same bytes."""

    def __init__(self, as_of: datetime, people: int, seed: int) -> None:
        self.as_of, self.people, self.draw = as_of, people, random.Random(seed)
        self.contacts: list[list[str]] = []
        self.consents: list[list[str]] = []
        self.orders: list[list[str]] = []
        self.before: list[list[str]] = []
        self.lines: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.discounts: list[list[str]] = []
        self.letters: list[dict[str, Any]] = []
        for number in range(people):
            self._person(f"E{number:06}")
        self.draw = random.Random(seed + 1)  # drawn apart, so that what was drawn before stays
        self._bargains()
        self._discounts()
        self._unsubscribe()
        self._refuse_by_browser()
        self.draw = random.Random(seed + 2)
        self._leave_carts()
        self._browse_in_the_app()

    def write(self, folder: Path) -> None:
        """Write the exports, dated the last day before `as_of`, and orders as they stood the day before."""
        folder.mkdir(parents=True)
        day = f"{self.as_of - _DAY:%Y-%m-%d}"
        _csv(folder / f"contacts_{day}.csv", _CONTACT, self._with_repeats(self.contacts))
        _csv(folder / f"consents_{day}.csv", "contact_id purpose channel status recorded_at", self.consents)
        orders = "order_id contact_id email ordered_at status channel currency"
        _csv(folder / f"orders_{day}.csv", orders, self._with_repeats(self.orders))
        _csv(folder / f"orders_{self.as_of - 2 * _DAY:%Y-%m-%d}.csv", orders, self.before)
        lines = "order_id line_number product_id quantity unit_price_amount"
        _csv(folder / f"order_lines_{day}.csv", lines, self._with_repeats(self.lines))
        discounts = "order_id promotion_code discount_amount applied_at"
        _csv(folder / f"order_discounts_{day}.csv", discounts, self._with_repeats(self.discounts))
        with (folder / f"email_engagement_{day}.jsonl").open("w") as stream:
            stream.writelines(json.dumps(letter) + "\n" for letter in self._with_repeats(self.letters))
        with gzip.open(folder / f"events_{day}T23.jsonl.gz", "wt") as stream:
            stream.writelines(json.dumps(event) + "\n" for event in self._with_repeats(self.events))

    def _with_repeats(self, rows: list[Any]) -> list[Any]:
        return rows + self.draw.sample(rows, len(rows) // 20)

    def _edge(self, *days: float) -> datetime:
        return self.as_of - _DAY * self.draw.choice(days) + self.draw.choice(_STEPS)

    def _past(self, *days: float) -> datetime:
        return min(self._edge(*days), self.as_of)

    def _email(self, number: int) -> str:
        if number < self.people // 5:
            # five may share an e-mail, six may not: the first people stand in pairs of five and six
            return f"edge.group.{number // 11}.{'five' if number % 11 < 5 else 'six'}@example.org"
        kind = self.draw.random()
        if kind < 0.1:
            return self.draw.choice(("test@test.com", " NoReply@Example.com", "a@a.a", "none", "x@y", "a b@cd", ""))
        # groups of four to seven contacts share an e-mail: five may, six may not
        owner = number - number % self.draw.choice((4, 5, 6, 7)) if kind < 0.5 else number
        written: Callable[[str], str] = self.draw.choice((str, str.upper, "  {} ".format))
        return written(f"edge.{owner}@example.org")

    def _person(self, contact: str) -> None:
        email = self._email(int(contact[1:]))
        self._contact(contact, email)
        for _ in range(self.draw.choice((1, 1, 2, 4))):
            use = self.draw.choice(("marketing_email email", "personalisation web", "personalisation email")).split()
            status = self.draw.choice(("granted", "granted", "withdrawn"))
            self.consents.append([contact, *use, status, _text(self._edge(100, 200))])
        self.consents = list({(*row[:3], row[4]): row for row in self.consents}.values())
        for _ in range(self.draw.choice((0, 0, 1, 2, 4))):
            self._order(self.draw.choice((contact, contact, "")), email)
        self._events(contact)

    def _contact(self, contact: str, email: str) -> None:
        for at in sorted({self._edge(40), self._edge(40, 50)} if self.draw.random() < 0.2 else {self._edge(40)}):
            shown = self.draw.choice((email, self._email(int(contact[1:]))))
            region = self.draw.choice(("Yorkshire and the Humber", "Wales"))
            created = self.draw.choice((self._edge(300), self._edge(7)))
            rest = ["", "Edge", "Case", "", "", "Leeds", region, "GB", "", _text(created), _text(at)]
            self.contacts.append([contact, shown, *rest])

    def _order(self, contact: str, email: str) -> None:
        order = f"E{len(self.orders):08}"
        status = self.draw.choice(("completed",) * 4 + ("cancelled", "returned"))
        ordered = self._past(0, 30, 90, 90, 90, 180, 180, 200, 365)
        channel = self.draw.choice(("web", "ios", "android", "store"))
        shown = email or "none"  # an order always has an e-mail, if not a good one
        self.orders.append([order, contact, shown, _text(ordered), status, channel, "GBP"])
        if self.draw.random() < 0.2:
            was = self.draw.choice(sorted({"completed", "cancelled", "returned"} - {status}))
            self.before.append([order, contact, shown, _text(ordered), was, channel, "GBP"])
        for number, price in enumerate(self.draw.choice(((500,), (499.99,), (250,), (166.67, 166.67, 166.66))), 1):
            self.lines.append([order, str(number), "P0001", "1", f"{price:.2f}"])

    def _bargains(self) -> None:
        """Five orders of which two, three or four are discounted: three are exactly sixty percent."""
        for number, (contact, email, *_) in enumerate(self.contacts[::20]):
            for place in range(5):
                order, ordered = f"B{number:05}{place}", _text(self._past(100, 200))
                self.orders.append([order, contact, email or "none", ordered, "completed", "web", "GBP"])
                self.lines.append([order, "1", "P0001", "1", "10.00"])
                if place < 2 + number % 3:
                    self.discounts.append([order, "", "0.01", ordered])

    def _discounts(self) -> None:
        """Discount two orders in three, some by nothing at all: people stand around sixty percent."""
        for order, _, _, ordered, *_ in self.orders:
            if order[0] == "E" and self.draw.random() < 0.65:
                code, amount = self.draw.choice(("", "EDGE10")), self.draw.choice(("0.00", "0.01", "5.00", "5.00"))
                self.discounts.append([order, code, amount, ordered])

    def _unsubscribe(self) -> None:
        """Some unsubscribe a second before, at, or a second after the moment at which they decided in the shop."""
        for number, (contact, purpose, *_, recorded) in enumerate(self.consents):
            kind = "unsubscribed" if self.draw.random() < 0.3 else "clicked"
            if purpose == "marketing_email":
                at = datetime.fromisoformat(recorded) + self.draw.choice(_STEPS)
                letter = {"event_id": f"edge-{number}", "event_type": kind, "occurred_at": _text(at, "T") + "Z"}
                self.letters.append(letter | {"campaign_id": "edge", "message_id": str(number), "contact_id": contact})

    def _refuse_by_browser(self) -> None:
        """Some browsers send the signal a second before, at, or after the moment at which their person said yes."""
        for number, (contact, *_) in enumerate(self.contacts[::7]):
            asked = self._edge(20)
            self.consents.append([contact, "personalised_advertising", "ads", "granted", _text(asked)])
            who = {"user_id": contact} if self.draw.random() < 0.5 else {}
            event = {"event_id": f"edge-gpc-{number}", "event_type": "page_view", "platform": "web"}
            moment = {"occurred_at": _text(asked + self.draw.choice(_STEPS), "T") + "Z", "url": "https://shop.example/"}
            browser = {"anonymous_id": f"edge-c{int(contact[1:])}", "user_agent": _BROWSERS[0]}
            signal = {"global_privacy_control": self.draw.choice((True, True, False))}
            self.events.append(event | moment | browser | who | signal)
        self.consents = list({(*row[:3], row[4]): row for row in self.consents}.values())

    def _leave_carts(self) -> None:
        """Carts an hour apart, or just not; some with a purchase an hour after the last, or just not."""
        for contact, *_ in self.contacts[::30]:
            start, apart = self.draw.choice((self._edge(30), self._edge(3))), _HOUR + self.draw.choice(_STEPS)
            carts = self.draw.choice((2, 3, 4))
            for place in range(carts):
                self._of_app(contact, "add_to_cart", start + place * apart, product_id="P0001", category="garden")
            if self.draw.random() < 0.5:
                bought = start + (carts - 1) * apart + _HOUR + self.draw.choice(_STEPS)
                self._of_app(contact, "purchase", bought, order_id="E0", value_amount="10.00")

    def _browse_in_the_app(self) -> None:
        """Ten or eleven products in an app, the first of them thirty days ago, or just not."""
        for contact, *_ in self.contacts[4::12]:
            start = self.draw.choice((self._edge(30), self._edge(10)))
            for place in range(self.draw.choice((10, 11))):
                at = start + place * 300 * _SECOND
                self._of_app(contact, "product_view", at, product_id=f"P{place:04}", category="garden")

    def _of_app(self, contact: str, kind: str, at: datetime, **more: str) -> None:
        on = {"device_id": f"edge-d{int(contact[1:])}", "platform": "ios", "user_id": contact}
        event = {"event_id": f"edge-{len(self.events)}", "event_type": kind, "occurred_at": _text(at, "T") + "Z"}
        self.events.append(event | on | more | {"user_agent": _BROWSERS[1], "url": "https://shop.example/"})

    def _events(self, contact: str) -> None:
        # one device in five and one browser in five is shared by neighbours; some values identify nobody
        number = int(contact[1:])
        device = self.draw.choice((f"edge-d{number}",) * 3 + (f"edge-d{number - number % 2}", "null"))
        browser = self.draw.choice((f"edge-c{number}",) * 3 + (f"edge-c{number - number % 2}", "undefined"))
        on = {"device_id": device, "platform": "ios"}
        if self.draw.random() < 0.5:
            on = {"anonymous_id": browser, "platform": "web"}
        agent = self.draw.choice(_BOTS if self.draw.random() < 0.03 else _BROWSERS)
        for kind, at, more in self.draw.choice((self._views, self._again, self._evening, self._cart, self._visit))():
            who = (
                {"user_id": contact}
                if self.draw.random() < 0.6
                else self.draw.choice(({}, {}, {}, {"user_id": "null"}))
            )
            event = {"event_id": f"edge-{len(self.events)}", "event_type": kind, "occurred_at": _text(at, "T") + "Z"}
            self.events.append(event | on | who | more | {"user_agent": agent, "url": "https://shop.example/"})

    def _views(self) -> Iterable[tuple[str, datetime, dict[str, str]]]:
        start = self.draw.choice((self._edge(30, 5), self._edge(30) + 600 * _SECOND))
        seen = self.draw.sample(range(1, 9), 5) if self.draw.random() < 0.8 else [1, 1, 2, 3, 4]
        last = self.draw.choice((599.999, 600, 600.001))
        for place, product in enumerate(seen):
            at = start + timedelta(seconds=last if place == 4 else place * 100)
            category = "books" if place < 4 or self.draw.random() < 0.9 else "garden"
            yield "product_view", at, {"product_id": f"P{product:04}", "category": category}

    def _again(self) -> Iterable[tuple[str, datetime, dict[str, str]]]:
        start = self.draw.choice((self._edge(30, 5), self._edge(30) + 600 * _SECOND))
        product, last = f"P{self.draw.randrange(1, 9):04}", self.draw.choice((599.999, 600, 600.001))
        for after in (0.0, 0.0, 300.0, last)[self.draw.choice((0, 0, 0, 1)) :]:
            yield "product_view", start + timedelta(seconds=after), {"product_id": product, "category": "garden"}

    def _evening(self) -> Iterable[tuple[str, datetime, dict[str, str]]]:
        hour, category = self.draw.choice((17, 22)), self.draw.choice(("books", "books", "books", "garden"))
        for days in (5, 6)[: self.draw.choice((1, 2, 2, 2))]:
            at = self.as_of - days * _DAY + hour * _HOUR + self.draw.choice(_STEPS)
            yield "product_view", at, {"product_id": f"P{days:04}", "category": category}

    def _cart(self) -> Iterable[tuple[str, datetime, dict[str, str]]]:
        added = self.draw.choice((self._edge(7), self._past(1 / 24, 0), self._edge(3)))
        yield "add_to_cart", added, {"product_id": "P0001", "category": "books"}
        if self.draw.random() < 0.5:
            bought = min(added + self.draw.choice(_STEPS), self.as_of)
            yield "purchase", bought, {"order_id": "E0", "value_amount": "10.00"}

    def _visit(self) -> Iterable[tuple[str, datetime, dict[str, str]]]:
        yield "page_view", self._past(30, 30, 10, 0), {}


def _text(at: datetime, separator: str = " ") -> str:
    return at.isoformat(separator, "milliseconds" if separator == "T" else "seconds")


def _csv(path: Path, header: str, rows: list[list[str]]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([header.split(), *rows])
