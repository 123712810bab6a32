"""One frozen, typed settings object, read from `SMALTI_*` at the edge and passed down."""

import hashlib
import os
import re
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse import atomic
from warehouse.errors import SmaltiError

CHECKOUT = Path(__file__).resolve().parents[1]
ENV_FILE = CHECKOUT / ".env"
_KEY_BYTES = 32
_ENV_HEAD = "# Secrets of this checkout. The namespace must never change: customer ids are minted under it.\n"


class Settings(BaseSettings):
    """Where things are, which currency counts, and the two keys.

    Paths are derived from `home`, so that removing that one folder starts again.
    """

    model_config = SettingsConfigDict(env_prefix="SMALTI_", env_file=ENV_FILE, frozen=True, extra="ignore")

    home: Path = Field(default=CHECKOUT / ".smalti", description="folder that holds all state")
    currency: str = Field(default="GBP", pattern="^[A-Z]{3}$", description="base currency, ISO 4217")
    hmac_key: SecretStr = Field(description="64 hex digits; replaces direct identifiers by their HMAC")
    namespace: SecretStr = Field(description="UUID under which customer ids are minted; never rotates")
    hmac_key_old: SecretStr = Field(
        default=SecretStr(""), description="the key before, while `smalti vault rotate` replaces it; else empty"
    )
    segment_floor: int = Field(default=100, ge=2, description="fewer active members are neither sent nor shown")
    threads: int = Field(default=2, ge=1, description="threads for DuckDB and LightGBM")
    cluster_method: Literal["kmeans", "ward", "hdbscan"] = Field(
        default="kmeans", description="how groups of customers are found, from the next training on"
    )
    memory_limit: str = Field(
        default="2500MB",
        pattern=r"^\d+(MB|GB)$",
        description="DuckDB's buffer limit; the processes of a run take at most about 1.2 GB more",
    )
    spill_folder: str = Field(
        default="", description="where the working file puts what memory cannot hold; empty for the folder beside it"
    )
    spill_limit: str = Field(default="100GB", pattern=r"^\d+(MB|GB)$", description="the most that it may put there")
    content_limit: str = Field(
        default="64GB", pattern=r"^\d+(MB|GB)$", description="a delivered file with more content is quarantined"
    )
    settle_seconds: int = Field(
        default=2,
        ge=0,
        description="a file of the drop folder that changed less long ago waits: it may be being written",
    )
    patience_minutes: int = Field(
        default=60,
        ge=0,
        description="a damaged file of the drop folder waits so long for its rest, then is quarantined",
    )
    hourly_schedule: str = Field(default="0 * * * *", description="cron expression of the hourly run")
    hourly_deadline_minutes: int = Field(
        default=50, ge=1, description="a scheduled hourly run that takes longer makes an alert"
    )
    nightly_deadline_minutes: int = Field(
        default=180, ge=1, description="a scheduled nightly run that takes longer makes an alert"
    )
    weekly_deadline_minutes: int = Field(
        default=240, ge=1, description="a scheduled weekly run that takes longer makes an alert"
    )
    alert_url: SecretStr = Field(
        default=SecretStr(""), description="webhook that alerts are posted to as JSON; https, or http on this machine"
    )
    allowed_hosts: str = Field(
        default="",
        pattern=r"^$|^[A-Za-z0-9.-]+(,[A-Za-z0-9.-]+)*$",
        description="hosts that people are told to, by comma; no other address is called",
    )
    allow_loopback: bool = Field(default=False, description="destinations on this machine are called too, without TLS")
    linkage: bool = Field(default=True, description="whether records without a common key are linked each night")
    keep_versions: int = Field(default=5, ge=1, description="published versions that stay readable")
    delta_from_rows: int = Field(
        default=100_000, ge=0, description="published tables of fewer rows are copied into each version whole"
    )
    statsd: str = Field(
        default="",
        pattern=r"^$|^[A-Za-z0-9.-]+:\d{1,5}$",
        description="HOST:PORT of a StatsD server that Airflow's and our metrics go to; empty: none are sent",
    )

    @field_validator("home")
    @classmethod
    def _from_the_checkout(cls, home: Path) -> Path:
        return (CHECKOUT / home.expanduser()).resolve()

    @field_validator("hmac_key", "hmac_key_old")
    @classmethod
    def _long_enough(cls, key: SecretStr, field: ValidationInfo) -> SecretStr:
        if field.field_name == "hmac_key_old" and not key.get_secret_value():
            return key
        try:
            strong = len(bytes.fromhex(key.get_secret_value())) == _KEY_BYTES
        except ValueError:
            strong = False
        if not strong:
            raise ValueError("must be 64 hex digits; `smalti init` writes a random one to .env")
        return key

    @field_validator("alert_url")
    @classmethod
    def _is_private(cls, url: SecretStr) -> SecretStr:
        if not re.match(r"$|https://|http://(127\.0\.0\.1|localhost)[:/]", url.get_secret_value()):
            raise ValueError("must begin with https://, or http://127.0.0.1 on this machine")
        return url

    @field_validator("namespace")
    @classmethod
    def _is_uuid(cls, namespace: SecretStr) -> SecretStr:
        try:
            uuid.UUID(namespace.get_secret_value())
        except ValueError:
            raise ValueError("must be a UUID; `smalti init` writes a random one to .env") from None
        return namespace

    def environment(self) -> dict[str, str]:
        """These settings as variables for a child process, secrets included."""
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            f"SMALTI_{name.upper()}": value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in values.items()
        }

    @property
    def content_limit_bytes(self) -> int:
        """The most content that a delivered file may have."""
        return int(self.content_limit[:-2]) << (30 if self.content_limit.endswith("GB") else 20)

    @property
    def engine(self) -> dict[str, str | bool | int | float | list[str]]:
        """DuckDB's options for the working file; homes that share a folder to spill to have one each in it."""
        beside = self.working.with_name(f"{self.working.name}.tmp")
        own = hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]
        return {
            "threads": self.threads,
            "memory_limit": self.memory_limit,
            "temp_directory": str(Path(self.spill_folder) / f"smalti-{own}" if self.spill_folder else beside),
        }

    @property
    def drop(self) -> Path:
        """Exports arrive here; once loaded they move to `drop/done`."""
        return self.home / "drop"

    @property
    def raw(self) -> Path:
        """`<source>/<day>/<sha>.parquet`, with each source's manifest and `contract.json`."""
        return self.home / "raw"

    @property
    def vault(self) -> Path:
        """Clear identifiers, mode 0600; read by normalisation, linkage and delivery only."""
        return self.home / "vault.duckdb"

    @property
    def rotation(self) -> Path:
        """What a rotation of the key needs until it is complete; not there otherwise."""
        return self.home / "rotation"

    @property
    def working(self) -> Path:
        """Written by the pipeline, read by nobody else."""
        return self.home / "warehouse" / "working.duckdb"

    @property
    def published(self) -> Path:
        """`<version>.duckdb` and `current.duckdb`."""
        return self.home / "published"

    @property
    def current(self) -> Path:
        """The published version that everyone reads."""
        return self.published / "current.duckdb"

    @property
    def data(self) -> Path:
        """Parquet that published versions name; nobody changes it."""
        return self.published / "data"

    @property
    def ledger(self) -> Path:
        """The truth about runs, plans, receipts and what destinations have accepted."""
        return self.home / "ledger.sqlite"

    @property
    def features(self) -> Path:
        """What dbt hands to the models, a folder a run."""
        return self.home / "features"

    @property
    def past(self) -> Path:
        """Features of past cut-offs, which the models learn from; a file a cut-off, built again where it is gone."""
        return self.home / "past"

    @property
    def scores(self) -> Path:
        """What the models hand back, a folder a run."""
        return self.home / "scores"

    @property
    def links(self) -> Path:
        """What linkage found, a folder a run."""
        return self.home / "links"

    @property
    def durable(self) -> Path:
        """Decisions that raw cannot give back: ids, merges, spells, versions."""
        return self.home / "durable"

    @property
    def models(self) -> Path:
        """Model artifacts and cards."""
        return self.home / "models"

    @property
    def outbox(self) -> Path:
        """Where the files destination delivers."""
        return self.home / "outbox"

    @property
    def reports(self) -> Path:
        """A page a run; `current` names the newest."""
        return self.home / "reports"

    @property
    def gates(self) -> Path:
        """Great Expectations results and Data Docs."""
        return self.home / "gates"

    @property
    def airflow(self) -> Path:
        """`AIRFLOW_HOME`, local to the project."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """A log per run."""
        return self.home / "logs"

    @property
    def lineage(self) -> Path:
        """What was made of what: OpenLineage events, one a line."""
        return self.logs / "lineage.jsonl"


def let_library(name: str, value: str) -> None:
    """Set a variable that a library reads, in this process and its children."""
    os.environ[name] = value


def load() -> Settings:
    """Settings from the environment and `.env`.

    Raises:
        pydantic.ValidationError: a setting is missing or malformed; the message names it.
    """
    return Settings()  # type: ignore[call-arg]  # the keys come from the environment


def variables() -> dict[str, str]:
    """What stands in `.env` and the environment, which wins: as Compose reads them."""
    return {name: value for name, value in (dotenv_values(ENV_FILE) | os.environ).items() if value}


def create_env(path: Path = ENV_FILE, more: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Write random keys, and `more`, to `.env` (mode 0600) where they are not set there; say whether any was written.

    What stands in the file stays: a key that changed would change every pseudonym or customer id.
    """
    keys = {"SMALTI_HMAC_KEY": secrets.token_hex(_KEY_BYTES), "SMALTI_NAMESPACE": str(uuid.uuid4()), **more}
    text = path.read_text() if path.exists() else _ENV_HEAD
    missing = {name: key for name, key in keys.items() if not re.search(rf"^{name}=\S", text, re.MULTILINE)}
    if missing:
        _write_env(path, text, missing)
    return bool(missing)


def rotate_env(old: SecretStr, new: SecretStr, path: Path = ENV_FILE) -> None:
    """Write a new key to `.env`, and the one before beside it until `settle_env`.

    Raises:
        SmaltiError: the environment states a key, which would win over the file's.
    """
    if "SMALTI_HMAC_KEY" in os.environ:
        raise SmaltiError("SMALTI_HMAC_KEY stands in the environment and wins over .env; allowed: both keys set there")
    keys = {"SMALTI_HMAC_KEY_OLD": old.get_secret_value(), "SMALTI_HMAC_KEY": new.get_secret_value()}
    _write_env(path, path.read_text(), keys)


def settle_env(path: Path = ENV_FILE) -> None:
    """Remove the key before from `.env`: nothing stands under it any more."""
    if path.exists() and "SMALTI_HMAC_KEY_OLD=" in (text := path.read_text()):
        kept = [line for line in text.splitlines() if not line.startswith("SMALTI_HMAC_KEY_OLD=")]
        _write_env(path, "\n".join(kept), {})


def _write_env(path: Path, text: str, values: Mapping[str, str]) -> None:
    kept = [line for line in text.splitlines() if line.split("=")[0] not in values]
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in values.items()), ""]))
    atomic.sync(temporary)
    temporary.replace(path)
