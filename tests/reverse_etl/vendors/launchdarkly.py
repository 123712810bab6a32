"""LaunchDarkly: segments with sets of targets, changed by semantic patches of 1,500 operations at most."""

from typing import Any

from tests.reverse_etl.vendors.server import Call, Standing

_BATCH = 1_500
_SEGMENT = "/api/v2/segments/{projectKey}/{environmentKey}/{segmentKey}"


class Launchdarkly:
    name = "launchdarkly"
    is_silent = False

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.segments: dict[str, set[str]] = {"high-value": set(), "lapsed": set(), "likely-buyers": set()}
        self.colleagues: set[str] = set()

    def environment(self, url: str) -> dict[str, str]:
        account = {"URL": url, "API_KEY": "ld-secret-of-this-test", "PROJECT": "shop", "ENVIRONMENT": "production"}
        return {f"SMALTI_LAUNCHDARKLY_{name}": value for name, value in account.items()}

    def answer(self, call: Call) -> tuple[int, Any]:
        place, _, name = call.path.rpartition("/")
        if place != "/api/v2/segments/shop/production" or name not in self.segments:
            return 404, {"code": "not_found", "message": "Unknown segment"}
        if call.method == "PATCH" and (error := self._patch(self.segments[name], call.content)):
            return 400, {"code": "invalid_request", "message": error}
        return 200, {"key": name, "name": name, "included": sorted(self.segments[name]), "version": 2}

    def _patch(self, targets: set[str], told: dict[str, Any]) -> str | None:
        if told["environmentKey"] != "production":
            return "environment"
        named = [value for one in told["instructions"] for value in one["values"]]
        if len(named) > _BATCH:
            return "too many operations"
        for value in named:
            if value in self.refuses:
                return f"{value} is both included and excluded"
        for one in told["instructions"]:
            change = {"addIncludedTargets": targets.update, "removeIncludedTargets": targets.difference_update}
            change[one["kind"]](one["values"])
        return None

    def writes(self, call: Call) -> bool:
        return call.method == "PATCH"

    def standing(self) -> Standing:
        people = sorted(set().union(*self.segments.values()) - self.colleagues)
        of = {name.replace("-", "_"): held for name, held in self.segments.items()}
        return {key: tuple(sorted(name for name, held in of.items() if key in held)) for key in people}

    def others(self) -> object:
        return {name: held & self.colleagues for name, held in self.segments.items() if held & self.colleagues}

    def put_others(self, key: str) -> None:
        self.colleagues.add(f"colleague-of-{key}")
        self.segments["high-value"] |= self.colleagues

    def paths(self) -> dict[str, Any]:
        """The description has the body of a JSON patch only; that of a semantic patch stands in its words."""
        kinds = ["addIncludedTargets", "removeIncludedTargets"]
        values = {"type": "array", "minItems": 1, "maxItems": _BATCH, "items": {"type": "string"}}
        instruction = {
            "type": "object",
            "required": ["kind", "contextKind", "values"],
            "properties": {"kind": {"enum": kinds}, "contextKind": {"type": "string"}, "values": values},
        }
        schema = {
            "type": "object",
            "required": ["environmentKey", "instructions"],
            "properties": {
                "environmentKey": {"type": "string"},
                "instructions": {"type": "array", "items": instruction},
            },
        }
        content = {"application/json; domain-model=launchdarkly.semanticpatch": {"schema": schema}}
        return {_SEGMENT: {"patch": {"requestBody": {"required": True, "content": content}}}}
