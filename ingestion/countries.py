"""Countries as ISO 3166-1 alpha-2, from their code or English name."""

from collections.abc import Sequence
from functools import cache

from babel import Locale

# in CLDR, but no countries of ISO 3166-1
_NO_COUNTRY = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
_ALSO = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "eire": "IE",
    "republic of ireland": "IE",
    "usa": "US",
    "united states of america": "US",
    "rsa": "ZA",
    "czech republic": "CZ",
    "holland": "NL",
    "the netherlands": "NL",
    "hong kong": "HK",
    "turkey": "TR",
}


def answers(texts: Sequence[str]) -> dict[str, Sequence[object]]:
    """`code` of each text, whatever its case; null where it names no one country, as `Channel Islands`."""
    return {"code": [_codes().get(text.lower()) for text in texts]}


@cache
def _codes() -> dict[str, str]:
    countries = {
        code: name
        for code, name in Locale("en").territories.items()
        if len(code) == len("GB") and code.isalpha() and code not in _NO_COUNTRY
    }
    names = {name.lower(): code for code, name in countries.items()}
    return names | {code.lower(): code for code in countries} | _ALSO
