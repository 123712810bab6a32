"""Unleash: segments by id, whose constraints an update replaces; a bounded number of values, names only once."""

import itertools
from typing import Any

from tests.reverse_etl.vendors.server import Call, Standing

_LIMIT, _LONGEST = 1_000, 100
_PATH = "/api/admin/segments"


class Unleash:
    name = "unleash"
    is_silent = True

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.segments: dict[int, dict[str, Any]] = {}
        self.ids = itertools.count(1)
        self.colleagues: set[str] = set()

    def environment(self, url: str) -> dict[str, str]:
        return {"SMALTI_UNLEASH_URL": url, "SMALTI_UNLEASH_API_KEY": "*:*.secret-of-this-test"}

    def answer(self, call: Call) -> tuple[int, Any]:
        if call.method == "GET":
            return 200, {"segments": list(self.segments.values())}
        told = call.content
        if problem := self._problem(told):
            return 400, {"name": "BadDataError", "message": problem}
        if call.method == "POST":
            if told["name"] in {one["name"] for one in self.segments.values()}:
                return 409, {"name": "NameExistsError", "message": "taken"}
            number = next(self.ids)
            self.segments[number] = told | {"id": number}
            return 201, self.segments[number]
        number = int(call.path.rpartition("/")[2])
        if number not in self.segments:
            return 404, {"name": "NotFoundError", "message": "gone"}
        self.segments[number] = told | {"id": number}
        return 204, None

    def _problem(self, told: dict[str, Any]) -> str | None:
        values = [value for one in told["constraints"] for value in one.get("values", ())]
        if len(values) > _LIMIT:
            return "Segments may not have more than 1000 values"
        bad = [value for value in values if not 0 < len(value) <= _LONGEST or value in self.refuses]
        return f"{bad[0]} is not a value" if bad else None

    def writes(self, call: Call) -> bool:
        return call.method in ("PUT", "POST")

    def values(self, name: str) -> list[str]:
        """What the segment of that name lists."""
        found = [one for one in self.segments.values() if one["name"] == name]
        return [value for one in found for constraint in one["constraints"] for value in constraint["values"]]

    def standing(self) -> Standing:
        held: dict[str, set[str]] = {}
        for one in self.segments.values():
            for value in self.values(one["name"]):
                held.setdefault(value, set()).add(one["name"].removeprefix("smalti-")[:-3])
        return {key: tuple(sorted(names)) for key, names in held.items() if key not in self.colleagues}

    def others(self) -> object:
        return {one["name"]: {*self.values(one["name"])} & self.colleagues for one in self.segments.values()}

    def put_others(self, key: str) -> None:
        """A colleague in every list there is."""
        self.colleagues.add(f"colleague-of-{key}")
        for one in self.segments.values():
            one["constraints"][0]["values"] += sorted(self.colleagues)

    def paths(self) -> dict[str, Any]:
        constraint = {
            "type": "object",
            "required": ["contextName", "operator", "values"],
            "properties": {
                "contextName": {"type": "string"},
                "operator": {"enum": ["IN"]},
                "values": {"type": "array", "maxItems": _LIMIT, "items": {"type": "string", "maxLength": _LONGEST}},
            },
        }
        schema = {
            "type": "object",
            "required": ["name", "constraints"],
            "properties": {"name": {"type": "string"}, "constraints": {"type": "array", "items": constraint}},
        }
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        done = {"responses": {"200": {"description": "done"}}}
        number = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
        return {
            _PATH: {"get": done, "post": done | {"requestBody": body}},
            f"{_PATH}/{{id}}": {"parameters": [number], "put": done | {"requestBody": body}},
        }
