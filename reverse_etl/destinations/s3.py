"""S3: a folder a plan in a bucket, and `latest.json`; each object is put whole, and once (`If-None-Match: *`)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import s3fs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from reverse_etl import options, package_files, remote_folder
from reverse_etl.destination import Package, Sent
from reverse_etl.options import Options


class S3Options(Options):
    """The bucket and who may write to it."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_S3_")

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    prefix: str = Field(default="smalti", pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    key_id: SecretStr
    secret: SecretStr
    endpoint: str = Field(description="https, or http on this machine; the bucket becomes the path's first part")
    region: str = "us-east-1"

    @field_validator("endpoint")
    @classmethod
    def _is_private(cls, url: str) -> str:
        if not re.match(r"https://[^@]+$|http://(127\.0\.0\.1|localhost)[:/]", url):
            raise ValueError("must begin with https://, or http://127.0.0.1 on this machine")
        return url


@dataclass(frozen=True)
class _Folder:
    files: Any
    root: str

    def put(self, source: Path, path: str) -> None:
        """Put the object unless one is there."""
        self.files.put_file(str(source), path, mode="create")

    def replace(self, path: str, content: bytes) -> None:
        """Put the object over the one that is there."""
        self.files.pipe_file(path, content)


class S3:
    """Keeps `latest.json` in a bucket naming a whole plan."""

    name = "s3"

    def render(self, package: Package, folder: Path) -> None:
        """Write the files of the package into `folder`."""
        package_files.render(package, folder)

    def write(self, package: Package, folder: Path) -> Sent:
        """Put the files there; every person is accepted.

        Raises:
            Refused: an option is missing or not allowed, the host is not, or the plan stands there with other content.
        """
        stated = options.load(S3Options)
        remote_folder.allow(urlsplit(stated.endpoint).hostname or "")
        return remote_folder.send(place(stated), package, folder)


ATTRIBUTE_NAMES = package_files.ATTRIBUTE_NAMES
DESTINATION = S3()


def place(stated: S3Options) -> _Folder:
    """The folder in the bucket."""
    files = s3fs.S3FileSystem(
        key=stated.key_id.get_secret_value(),
        secret=stated.secret.get_secret_value(),
        endpoint_url=stated.endpoint,
        client_kwargs={"region_name": stated.region},
        config_kwargs={"s3": {"addressing_style": "path"}},  # the host that is called is the one that was allowed
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return _Folder(files, f"{stated.bucket}/{stated.prefix}")
