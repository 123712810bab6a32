"""Currencies as ISO 4217 codes, from their code, English name or symbol, as CLDR has them."""

from collections.abc import Sequence
from datetime import date
from functools import cache

from babel import Locale
from babel.core import get_global
from babel.numbers import get_currency_name, get_territory_currencies

_SINCE = date(1999, 1, 1)  # whatever was tender anywhere on or after that day: what it was then is no matter of today
_UNTIL = date(2100, 1, 1)
_SHARED = {"$", "¥", "¤"}  # symbols that several currencies write alone: no one knows which
_ALSO = {
    "us$": "USD",
    "us dollar": "USD",
    "sterling": "GBP",
    "pound sterling": "GBP",
    "pounds sterling": "GBP",
    "renminbi": "CNY",
    "rmb": "CNY",
    "yen": "JPY",
}


def answers(texts: Sequence[str]) -> dict[str, Sequence[object]]:
    """`code` of each text, whatever its case; null where it names no one currency, as `$` or `dollars`."""
    return {"code": [_codes().get(text.lower()) for text in texts]}


@cache
def _codes() -> dict[str, str]:
    english, territories = Locale("en"), get_global("territory_currencies")
    known = {code for place in territories for code in get_territory_currencies(place, _SINCE, _UNTIL, tender=True)}
    names = {get_currency_name(code, count, english).lower(): code for code in known for count in (None, 1, 2)}
    symbols = {symbol.lower(): code for code, symbol in english.currency_symbols.items() if code in known}
    codes = {code.lower(): code for code in known}
    return {name: code for name, code in (names | symbols | _ALSO | codes).items() if name not in _SHARED}
