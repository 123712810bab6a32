"""Ten thousand people in two segments, and the same after three hundred changed and two hundred left."""

MANY, CHANGED, LEFT = 10_000, 300, 200
Crowd = dict[str, list[str]]


def crowd() -> Crowd:
    """Customer id → segments: half in each, every tenth in both."""
    return {f"p{n:05}": _segments(n) for n in range(MANY)}


def later() -> Crowd:
    """The last ones have left; the first ones have changed from one segment into the other, or out of one of two."""
    people = {f"p{n:05}": _segments(n) for n in range(MANY - LEFT)}
    for n in range(CHANGED):
        people[f"p{n:05}"] = [one for one in ("high_value", "lapsed") if one not in _segments(n)] or ["lapsed"]
    return people


def _segments(n: int) -> list[str]:
    return ["high_value", "lapsed"] if n % 10 == 0 else ["high_value"] if n % 2 else ["lapsed"]
