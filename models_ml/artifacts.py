"""Model artifacts: text and JSON only, signed, and checked before a byte of them is parsed.

No pickle: an artifact that someone changed must not be able to run code or shift scores.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path

from models_ml import folders
from warehouse import atomic
from warehouse.errors import SmaltiError

SIGNATURE = "signature.json"
Files = dict[str, bytes]


class Tampered(SmaltiError):
    """An artifact whose files are not those that were signed."""


def version(*inputs: str) -> str:
    """Name a model by what went in (12 hex digits), so that the same input gives the same version."""
    return hashlib.sha256("\n".join(inputs).encode()).hexdigest()[:12]


def dump(value: object) -> bytes:
    """JSON bytes in one spelling, so that equal values are equal files."""
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def sha256(content: bytes) -> str:
    """The hash of a file's content, as the registry and cards tell it."""
    return hashlib.sha256(content).hexdigest()


def save(folder: Path, files: Mapping[str, bytes], key: str) -> None:
    """Write a signed artifact to `<model>/<version>`; a present version stays as it is.

    Args:
        folder: `<models>/<model>/<version>`; model and version are part of what is signed.
        files: content by file name.
        key: 64 hex digits.
    """
    if not folder.exists():
        folders.write(folder, {**files, SIGNATURE: dump({"hmac_sha256": _sign(folder, files, key)})})


def load(folder: Path, key: str) -> Files:
    """The files of an artifact, exactly as they were signed.

    Raises:
        Tampered: a file was changed, added, removed, or the folder stands under another name.
    """
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    try:
        claimed = str(json.loads(files.pop(SIGNATURE, b"{}")).get("hmac_sha256", ""))
    except (ValueError, AttributeError):
        claimed = ""
    if not hmac.compare_digest(claimed.encode(), _sign(folder, files, key).encode()):
        raise Tampered(
            f"{folder.parent.name}/{folder.name}: the files do not match {SIGNATURE}; "
            "restore them, or remove the folder to fit the model again"
        )
    return files


def sign_again(models: Path, old: str, new: str) -> int:
    """Sign every artifact under another key; how many there were. Signed so already, or tampered with, it stays."""
    signed = 0
    for folder in sorted(path for path in models.glob("*/*") if path.is_dir()):
        try:
            files = load(folder, old)
        except Tampered:
            continue
        aside = folder.with_name(f".{folder.name}.signature.tmp")
        aside.write_bytes(dump({"hmac_sha256": _sign(folder, files, new)}))
        atomic.sync(aside)
        aside.replace(folder / SIGNATURE)
        signed += 1
    return signed


def _sign(folder: Path, files: Mapping[str, bytes], key: str) -> str:
    # a key of its own, so that no pseudonym can ever double as a signature
    own = hmac.digest(bytes.fromhex(key), b"smalti model artifact", "sha256")
    sums = {name: sha256(content) for name, content in files.items()}
    return hmac.digest(own, dump([folder.parent.name, folder.name, sums]), "sha256").hex()
