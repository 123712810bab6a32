"""Mail the digest of a run to those who run the shop, where a mail server is set; the password stands in no log."""

import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal, Self

import tenacity
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from reports import digest
from reports.digest import Digest
from reverse_etl import options
from reverse_etl.options import Options
from warehouse.errors import SmaltiError
from warehouse.settings import Settings

_TRIES, _TIMEOUT_SECONDS = 3, 10.0
_ADDRESS = r"[^@\s,<>]+@[A-Za-z0-9.-]+"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class DigestOptions(Options):
    """The mail server, and who writes to whom; without a host nothing is mailed."""

    model_config = SettingsConfigDict(env_prefix="SMALTI_DIGEST_")

    host: str = ""
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: SecretStr = SecretStr("")
    sender: str = Field(default="", pattern=f"^$|^{_ADDRESS}$")
    to: str = Field(default="", pattern=f"^$|^{_ADDRESS}(,{_ADDRESS})*$")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.host and not (self.sender and self.to):
            raise ValueError("with a host, sender and to are needed")
        if self.security == "none" and self.host and self.host not in _LOOPBACK:
            raise ValueError("security none is allowed on this machine only; else starttls or tls")
        return self


def send(config: Settings, run_id: str, now: datetime) -> str | None:
    """Mail the digest of a run, where a mail server is set; return why it could not be, or None.

    The message's id is the run's: sent again, it is known to be the same.
    """
    try:
        stated = options.load(DigestOptions)
        if not stated.host:
            return None
        _try(stated, message(stated, digest.compose(config, run_id), run_id, now))
    except SmaltiError as error:
        return str(error)
    except OSError as error:  # SMTP's own errors are such, too; their text may carry addresses
        return type(error).__name__
    return None


def message(stated: DigestOptions, told: Digest, run_id: str, now: datetime) -> EmailMessage:
    """The digest as a mail; `now` is UTC."""
    mail = EmailMessage()
    mail["Subject"] = told.subject
    mail["From"], mail["To"] = stated.sender, stated.to
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<digest.{run_id}@{stated.sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(told.text)
    mail.add_alternative(told.html, subtype="html")
    return mail


def _may_pass(error: BaseException) -> bool:
    """A connection that fails or breaks off may hold the next time; an answer is an answer."""
    is_answer = isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected)
    return isinstance(error, OSError) and not is_answer


@tenacity.retry(
    stop=tenacity.stop_after_attempt(_TRIES),
    wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=2),
    retry=tenacity.retry_if_exception(_may_pass),
    reraise=True,
)
def _try(stated: DigestOptions, mail: EmailMessage) -> None:
    context, where = ssl.create_default_context(), (stated.host, stated.port)
    with (
        smtplib.SMTP_SSL(*where, context=context, timeout=_TIMEOUT_SECONDS)
        if stated.security == "tls"
        else smtplib.SMTP(*where, timeout=_TIMEOUT_SECONDS)
    ) as server:
        if stated.security == "starttls":
            server.starttls(context=context)
        if stated.user:
            server.login(stated.user, stated.password.get_secret_value())
        if refused := server.send_message(mail):
            raise smtplib.SMTPRecipientsRefused(refused)
