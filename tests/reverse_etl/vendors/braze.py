"""Braze: users by external id, attributes that replace what stood there, errors by their place in the array."""

from typing import Any

from tests.reverse_etl.vendors.server import Attributes, Call, Standing

_BATCH, _EXPORT = 75, 50


class Braze:
    name = "braze"
    is_silent = False

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.users: dict[str, dict[str, Any]] = {}

    def environment(self, url: str) -> dict[str, str]:
        return {"SMALTI_BRAZE_URL": url, "SMALTI_BRAZE_API_KEY": "braze-secret-of-this-test"}

    def answer(self, call: Call) -> tuple[int, Any]:
        if call.path == "/users/export/ids":
            return self._export(call.content)
        attributes = call.content["attributes"]
        if len(attributes) > _BATCH:
            return 400, {"message": "attributes may hold 75 objects at most"}
        errors = []
        for at, one in enumerate(attributes):
            if one["external_id"] in self.refuses:
                errors.append({"type": "external_id is not allowed", "input_array": "attributes", "index": at})
                continue
            self._set(one)
        told = {"message": "success", "attributes_processed": len(attributes) - len(errors)}
        return 201, told | ({"errors": errors} if errors else {})

    def _set(self, one: dict[str, Any]) -> None:
        if one["external_id"] in self.users or not one.get("_update_existing_only"):
            user = self.users.setdefault(one["external_id"], {})
            user.update({name: value for name, value in one.items() if name[0] != "_" and name != "external_id"})
            for name in [name for name, value in user.items() if value is None]:
                del user[name]

    def _export(self, told: dict[str, Any]) -> tuple[int, Any]:
        if len(told["external_ids"]) > _EXPORT:
            return 400, {"message": "at most 50"}
        there = [one for one in told["external_ids"] if one in self.users]
        users = [{"external_id": one} | self._custom(one) for one in there]
        return 201, {"message": "success", "users": users, "invalid_user_ids": [*{*told["external_ids"]} - {*there}]}

    def _custom(self, key: str) -> dict[str, Any]:
        """Braze leaves out what is empty."""
        held = {name: value for name, value in self.users[key].items() if value}
        return {"custom_attributes": held} if held else {}

    def writes(self, call: Call) -> bool:
        return call.path == "/users/track"

    def standing(self) -> Standing:
        return {key: tuple(sorted(user.get("smalti_segments", ()))) for key, user in self.users.items()}

    def attributes(self) -> Attributes:
        ours = {"smalti_segments", "shoe_size"}
        return {key: {name: user[name] for name in user.keys() - ours} for key, user in self.users.items()}

    def others(self) -> object:
        return {key: user["shoe_size"] for key, user in self.users.items() if "shoe_size" in user}

    def put_others(self, key: str) -> None:
        self.users.setdefault(key, {})["shoe_size"] = 43

    def paths(self) -> dict[str, Any]:
        return {"/users/track": None, "/users/export/ids": None}
