"""What a request must look like: the vendor's own description where it is at hand, and ours for what it lacks.

The descriptions lie beside the checkout in `../shared/specs`, never in it.
"""

import json
from functools import cache
from typing import Any

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from tests.reverse_etl.vendors.server import Call, Vendor
from warehouse.settings import CHECKOUT

SPECS = CHECKOUT.parent / "shared" / "specs"
_HOST = "https://vendor.example"
_METHODS = {"get", "put", "post", "patch", "delete"}


def missing(vendor: Vendor) -> str | None:
    """The file that is needed and not there."""
    path = SPECS / f"{vendor.name}.json"
    operations = [item and [item[name] for name in _METHODS & item.keys()] for item in vendor.paths().values()]
    needed = any(found is None or any("responses" not in one for one in found) for found in operations)
    return (
        f"needs {path.name} of the vendors' descriptions in ../shared/specs" if needed and not path.exists() else None
    )


def check(vendor: Vendor, call: Call) -> None:
    """Nothing, where the request is as described."""
    media = call.headers.get("Content-Type", "application/json")
    request = MockRequest(_HOST, call.method, call.path, headers=dict(call.headers), data=call.body, content_type=media)
    _described(type(vendor)).validate_request(request)


@cache
def _described(vendor: type[Vendor]) -> OpenAPI:
    paths, theirs = vendor().paths(), _theirs(vendor.name)
    found = {path: _merged(theirs["paths"].get(path, {}), item or {}) for path, item in paths.items()}
    return OpenAPI.from_dict(theirs | {"servers": [{"url": _HOST}], "paths": found})


def _theirs(name: str) -> dict[str, Any]:
    """The vendor's description under whole paths, without its hosts; a bare one where there is none."""
    path = SPECS / f"{name}.json"
    if not path.exists():
        return {"openapi": "3.1.0", "info": {"title": name, "version": "1"}, "paths": {}}
    told = json.loads(path.read_text())
    prefix = "/v3" if name == "sendgrid" else ""
    return told | {"paths": {prefix + path: item for path, item in told["paths"].items()}}


def _merged(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Their path item, in whose operations ours has the last word."""
    return theirs | {name: theirs.get(name, {}) | item if name in _METHODS else item for name, item in ours.items()}
