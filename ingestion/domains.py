"""Domains of throw-away e-mail, and those below them."""

from collections.abc import Sequence

from disposable_email_domains import blocklist


def answers(domains: Sequence[str]) -> dict[str, Sequence[object]]:
    """`is_disposable` of each domain, given in lower case."""
    return {"is_disposable": [_is_disposable(domain) for domain in domains]}


def _is_disposable(domain: str) -> bool:
    labels = domain.split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))
