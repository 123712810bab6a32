"""SendGrid Marketing: contacts by address, custom fields by id when written and by name when read, imports as jobs."""

from typing import Any

from tests.reverse_etl.vendors.server import Attributes, Call, Standing
from tests.reverse_etl.vendors.webhook import operation

_CONTACTS = "/v3/marketing/contacts"
_BATCH = 30_000


class Sendgrid:
    name = "sendgrid"
    is_silent = False

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.contacts: dict[str, dict[str, str]] = {}
        self.names = {"e1_T": "shoe_size", "e2_T": "smalti_segments", "e3_T": "stage", "e4_T": "tier"}
        self.jobs: list[str] = []
        self.ends = "completed"
        self.pending = 1  # polls before a job ends

    def environment(self, url: str) -> dict[str, str]:
        return {"SMALTI_SENDGRID_URL": url, "SMALTI_SENDGRID_API_KEY": "SG.secret-of-this-test"}

    def answer(self, call: Call) -> tuple[int, Any]:
        if call.path == "/v3/marketing/field_definitions":
            fields = [{"id": key, "name": name, "field_type": "Text"} for key, name in self.names.items()]
            return 200, {"custom_fields": fields, "reserved_fields": []}
        if call.path == f"{_CONTACTS}/search/emails":
            return self._found(call.content["emails"])
        if call.path.startswith(f"{_CONTACTS}/imports/"):
            job = call.path.rpartition("/")[2]
            self.jobs.append(job)
            return 200, {"id": job, "status": self.ends if self.jobs.count(job) > self.pending else "pending"}
        return self._take(call.content["contacts"])

    def _take(self, contacts: list[dict[str, Any]]) -> tuple[int, Any]:
        if len(contacts) > _BATCH:
            return 400, {"errors": [{"message": "too many contacts"}]}
        for one in contacts:
            if one["email"] in self.refuses or not set(one["custom_fields"]) <= set(self.names):
                return 400, {"errors": [{"message": f"{one['email']} is not valid", "field": "contacts"}]}
        for one in contacts:
            named = {self.names[key]: value for key, value in one["custom_fields"].items()}
            self.contacts.setdefault(one["email"].lower(), {}).update(named)
        return 202, {"job_id": f"job-{len(self.jobs)}"}

    def _found(self, emails: list[str]) -> tuple[int, Any]:
        if not any(email.lower() in self.contacts for email in emails):
            return 404, {"errors": [{"message": "nobody"}]}
        return 200, {"result": {email: self._contact(email.lower()) for email in emails}}

    def _contact(self, email: str) -> dict[str, Any]:
        if email not in self.contacts:
            return {"error": "contact not found"}
        return {"contact": {"id": "c", "email": email, "custom_fields": self.contacts[email]}}

    def writes(self, call: Call) -> bool:
        return call.method == "PUT"

    def standing(self) -> Standing:
        held = {email: fields.get("smalti_segments", "") for email, fields in self.contacts.items()}
        return {email: tuple(sorted(filter(None, text.split("|")))) for email, text in held.items()}

    def attributes(self) -> Attributes:
        ours = {"stage", "tier"}
        return {
            email: {name: value for name, value in fields.items() if name in ours and value}
            for email, fields in self.contacts.items()
        }

    def others(self) -> object:
        """The size of the shoes of the first one, from somewhere else."""
        return {email: fields["shoe_size"] for email, fields in self.contacts.items() if "shoe_size" in fields}

    def put_others(self, key: str) -> None:
        self.contacts.setdefault(key, {})["shoe_size"] = "43"

    def paths(self) -> dict[str, Any]:
        emails = {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "string"}}
        return {
            _CONTACTS: None,
            f"{_CONTACTS}/imports/{{id}}": None,
            "/v3/marketing/field_definitions": None,
            f"{_CONTACTS}/search/emails": {"post": operation({"emails": emails})},
        }
