"""What a destination needs to know of its account: from the environment, as all settings, and never printed."""

from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from reverse_etl.destination import Refused
from warehouse.settings import ENV_FILE


class Options(BaseSettings):
    """Base of a destination's options; its class says `env_prefix`, such as `SMALTI_SENDGRID_`."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )


Kind = TypeVar("Kind", bound=Options)


def load(kind: type[Kind]) -> Kind:
    """The options of that class.

    Raises:
        Refused: one is missing or not allowed, by the name of its variable.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config["env_prefix"]
        told = [f"{prefix}{'.'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise Refused("; ".join(told)) from None
