"""A receiver of a shop: verifies the signature, knows a batch by its key, answers for each record on a refusal."""

import hashlib
import hmac
from typing import Any

from tests.reverse_etl.vendors.server import Attributes, Call, Standing

SECRET = "secret-of-this-test-that-is-long-enough"


class Webhook:
    name = "webhook"
    is_silent = True

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.people: Standing = {}
        self.told: dict[str, dict[str, str | None]] = {}
        self.seen: dict[str, tuple[int, Any]] = {}
        self.messages: list[dict[str, Any]] = []  # as they were sent on to people

    def environment(self, url: str) -> dict[str, str]:
        return {
            "SMALTI_WEBHOOK_URL": f"{url}/smalti",
            "SMALTI_WEBHOOK_READ_URL": f"{url}/smalti/read",
            "SMALTI_WEBHOOK_MESSAGES_URL": f"{url}/smalti/messages",
            "SMALTI_WEBHOOK_SECRET": SECRET,
        }

    def answer(self, call: Call) -> tuple[int, Any]:
        if not signed(call):
            return 422, {"message": "signature"}
        if call.path == "/smalti/read":
            held = [(one, self.people[one]) for one in call.content["ids"] if one in self.people]
            return 200, {"records": [{"id": key, "segment_ids": list(ids)} for key, ids in held]}
        key = call.headers["Idempotency-Key"]
        if key not in self.seen:
            is_message = call.path == "/smalti/messages"
            self.seen[key] = (
                self._send_on(call.content["message"]) if is_message else self._take(call.content["records"])
            )
        return self.seen[key]

    def _send_on(self, message: dict[str, Any]) -> tuple[int, Any]:
        if message["person"] in self.refuses:
            return 422, None
        self.messages.append(message)
        return 202, None

    def _take(self, records: list[dict[str, Any]]) -> tuple[int, Any]:
        results = []
        for at, one in enumerate(records):
            refused = one["id"] in self.refuses
            results.append({"index": at, "outcome": "rejected" if refused else "accepted", "code": "not_known"})
            if not refused:
                self.people[one["id"]] = tuple(sorted(one["segment_ids"]))
                self.told.setdefault(one["id"], {}).update(one.get("attributes", {}))
        return (207, {"results": results}) if self.refuses else (204, None)

    def writes(self, call: Call) -> bool:
        return call.path in ("/smalti", "/smalti/messages")

    def standing(self) -> Standing:
        return dict(self.people)

    def attributes(self) -> Attributes:
        return {key: {name: value for name, value in told.items() if value} for key, told in self.told.items()}

    def others(self) -> object:
        return None

    def paths(self) -> dict[str, Any]:
        record = {
            "type": "object",
            "required": ["id", "segment_ids"],
            "additionalProperties": False,
            "properties": {
                "id": {"type": "string", "minLength": 1},
                "segment_ids": {"type": "array", "uniqueItems": True, "items": {"type": "string"}},
                "attributes": {
                    "type": "object",
                    "minProperties": 1,
                    "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
        }
        signature = header("Smalti-Signature", "^t=[0-9]+,v1=[0-9a-f]{64}$")
        ids = {"type": "array", "minItems": 1, "maxItems": 500, "items": {"type": "string"}}
        taken = operation({"records": {"type": "array", "minItems": 1, "maxItems": 500, "items": record}})
        read = operation({"ids": ids})
        taken["parameters"] = [signature, header("Idempotency-Key", "^[0-9a-f]{32}$")]
        read["parameters"] = [signature]
        names = ("id", "person", "segment_id", "reason", "entered_at", "due_at", "purpose", "channel")
        text = {"type": "string", "minLength": 1}
        fields = {"type": "object", "required": list(names), "properties": dict.fromkeys(names, text)}
        told = operation({"message": fields | {"additionalProperties": False}})
        told["parameters"] = [signature, header("Idempotency-Key", "^[0-9a-f]{32}$")]
        return {"/smalti": {"post": taken}, "/smalti/read": {"post": read}, "/smalti/messages": {"post": told}}


def signed(call: Call) -> bool:
    """The check that a receiver makes, but for the age of the moment."""
    moment, digest = (part.partition("=")[2] for part in call.headers["Smalti-Signature"].split(","))
    expected = hmac.new(SECRET.encode(), f"{moment}.".encode() + call.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(digest, expected)


def header(name: str, pattern: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": True, "schema": {"type": "string", "pattern": pattern}}


def operation(properties: dict[str, Any]) -> dict[str, Any]:
    """An operation whose body is a JSON object of exactly these properties."""
    schema = {
        "type": "object",
        "required": sorted(properties),
        "additionalProperties": False,
        "properties": properties,
    }
    content: dict[str, Any] = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}, "responses": {"200": {"description": "taken"}}}
