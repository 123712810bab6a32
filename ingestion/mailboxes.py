"""Which mailbox an e-mail address reaches, where its provider says that several addresses reach one.

Only providers whose own help says so: dots and plus tags at Gmail; plus tags at Outlook.com, Fastmail, Proton and
mailbox.org; at Yahoo a keyword after a hyphen. Anywhere else, a sign may belong to the name of another person.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class _Provider:
    """What stands after `separator` is a tag, `main` the domain that the provider's others are the same as."""

    separator: str
    main: str | None = None
    ignores_dots: bool = False


_GMAIL = _Provider("+", main="gmail.com", ignores_dots=True)
_PLUS, _HYPHEN = _Provider("+"), _Provider("-")
_PROVIDERS = (
    dict.fromkeys(("gmail.com", "googlemail.com"), _GMAIL)
    | dict.fromkeys(("outlook.com", "hotmail.com", "live.com", "msn.com", "mailbox.org"), _PLUS)
    | dict.fromkeys(("fastmail.com", "fastmail.fm", "protonmail.com", "proton.me", "pm.me"), _PLUS)
    | dict.fromkeys(("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "ymail.com", "rocketmail.com"), _HYPHEN)
)


def answers(domains: Sequence[str]) -> dict[str, Sequence[object]]:
    """`separator`, `main` and `ignores_dots` of each domain, given in lower case; null where nothing is known."""
    found = [_PROVIDERS.get(domain) for domain in domains]
    return {
        "separator": [one and one.separator for one in found],
        "main": [one and one.main for one in found],
        "ignores_dots": [one and one.ignores_dots for one in found],
    }


def canonical_sql(address: str, answer: Callable[[str], str]) -> str:
    """SQL for the address that stands for the mailbox, from one in normal form and what is known of its domain."""
    name, domain = f"split_part({address}, '@', 1)", f"split_part({address}, '@', 2)"
    bare = f"if({answer('separator')} is null, {name}, split_part({name}, {answer('separator')}, 1))"
    bare = f"if({answer('ignores_dots')}, replace({bare}, '.', ''), {bare})"
    # a name that is nothing but tag and dots is no name: it stays
    return f"coalesce(nullif({bare}, ''), {name}) || '@' || coalesce({answer('main')}, {domain})"
