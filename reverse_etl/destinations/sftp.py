"""SFTP: a folder a plan on another machine, and `latest.json`; each file is written aside, then renamed.

The server is the one whose key is stated, or nobody: fsspec's own file system trusts whoever answers. A small file
and not a link names the newest plan, because servers often allow no links.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem
from paramiko.hostkeys import HostKeyEntry
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from reverse_etl import options, package_files, remote_folder
from reverse_etl.destination import Package, Sent
from reverse_etl.options import Options
from warehouse.errors import SmaltiError

_TIMEOUT_SECONDS = 30
_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class Unreachable(SmaltiError):
    """The server does not answer, is another one, or lets nobody in."""


class SftpOptions(Options):
    """The account; either `password` or `key` says who we are."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_SFTP_")

    host: str
    port: int = Field(default=22, ge=1, le=65535)
    host_key: str = Field(description="the server's public key, as in `ssh-ed25519 AAAA…`")
    user: str
    password: SecretStr | None = None
    key: SecretStr | None = Field(default=None, description="a private key, the text of its file")
    folder: str = Field(
        default="smalti", pattern=r"^/?\w[\w./ -]*[\w.-]$|^\w$", description="absolute, or below the login folder"
    )

    @field_validator("host_key")
    @classmethod
    def _is_public_key(cls, text: str) -> str:
        _public(text)
        return text

    @model_validator(mode="after")
    def _one_credential(self) -> "SftpOptions":
        if (self.password is None) == (self.key is None):
            raise ValueError("allowed is exactly one of password and key")
        if self.key:
            _private(self.key.get_secret_value())
        return self


@dataclass(frozen=True)
class _Folder:
    files: Any
    root: str

    def put(self, source: Path, path: str) -> None:
        """Write the file aside and rename it."""
        if self.files.exists(path):
            raise FileExistsError(path)
        aside = _aside(path)
        self.files.put_file(str(source), aside)
        self.files.mv(aside, path)

    def replace(self, path: str, content: bytes) -> None:
        """Write the content aside and rename it over what stands there."""
        self.files.pipe_file(_aside(path), content)
        self.files.mv(_aside(path), path)


class _KnownServer(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """fsspec's file system, but for a server whose key is known."""

    cachable = False

    def _connect(self) -> None:
        stated: SftpOptions = self.ssh_kwargs["stated"]
        name = stated.host if stated.port == paramiko.config.SSH_PORT else f"[{stated.host}]:{stated.port}"
        key = _public(stated.host_key)
        self.client = paramiko.SSHClient()
        self.client.get_host_keys().add(name, key.get_name(), key)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(
            stated.host,
            stated.port,
            stated.user,
            password=stated.password.get_secret_value() if stated.password else None,
            pkey=_private(stated.key.get_secret_value()) if stated.key else None,
            allow_agent=False,
            look_for_keys=False,
            timeout=_TIMEOUT_SECONDS,
            banner_timeout=_TIMEOUT_SECONDS,
            auth_timeout=_TIMEOUT_SECONDS,
        )
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(_TIMEOUT_SECONDS)


class Sftp:
    """Keeps `latest.json` in a folder of an SFTP server naming a whole plan."""

    name = "sftp"

    def render(self, package: Package, folder: Path) -> None:
        """Write the files of the package into `folder`."""
        package_files.render(package, folder)

    def write(self, package: Package, folder: Path) -> Sent:
        """Put the files there; every person is accepted.

        Raises:
            Refused: an option is missing or not allowed, the host is not, or the plan stands there with other content.
            Unreachable: the server does not answer, is another one, or lets nobody in.
        """
        stated = options.load(SftpOptions)
        remote_folder.allow(stated.host)
        with connected(stated) as place:
            return remote_folder.send(place, package, folder)


ATTRIBUTE_NAMES = package_files.ATTRIBUTE_NAMES
DESTINATION = Sftp()


@contextmanager
def connected(stated: SftpOptions) -> Iterator[_Folder]:
    """The folder, as long as the connection lasts."""
    logger = paramiko.util.get_logger("paramiko")
    logger.setLevel("CRITICAL")  # it logs a traceback for each refusal, which we tell in a line
    try:
        files = _KnownServer(stated.host, stated=stated)
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise Unreachable(f"sftp: no session on {stated.host}:{stated.port}: {type(error).__name__}") from None
    try:
        yield _Folder(files, stated.folder)
    finally:
        files.client.close()


def _aside(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.part"


def _public(text: str) -> Any:
    try:
        return HostKeyEntry.from_line(f"server {text.strip()}").key
    except Exception:  # noqa: BLE001  # the parser raises whatever it stumbles over
        raise ValueError("must be a public key as `ssh-keyscan` prints it, such as `ssh-ed25519 AAAA…`") from None


def _private(text: str) -> Any:
    for kind in _KEYS:
        try:
            return kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise ValueError("key must be the text of a private key of OpenSSH without a passphrase: Ed25519, ECDSA or RSA")
