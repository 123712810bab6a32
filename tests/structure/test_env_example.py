"""`.env.example` is the list of settings: each stands there with its default, and nothing else does."""

from pathlib import Path

import pydantic
import pytest
from dotenv import dotenv_values

from warehouse.settings import CHECKOUT, Settings

EXAMPLE = CHECKOUT / ".env.example"
SECRETS = {"SMALTI_HMAC_KEY": "00" * 32, "SMALTI_NAMESPACE": "00000000-0000-0000-0000-000000000001"}


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SMALTI_{name.upper()}", raising=False)


def filled(example: Path, folder: Path) -> Path:
    """A copy with the secrets filled in."""
    text = example.read_text()
    for name, value in SECRETS.items():
        text = text.replace(f"{name}=\n", f"{name}={value}\n")
    (folder / ".env").write_text(text)
    return folder / ".env"


def test_the_example_names_every_setting_and_no_other() -> None:
    assert list(dotenv_values(EXAMPLE)) == [f"SMALTI_{name.upper()}" for name in Settings.model_fields]


def test_the_example_states_the_defaults(tmp_path: Path) -> None:
    stated = Settings(_env_file=filled(EXAMPLE, tmp_path))
    secrets = {name.removeprefix("SMALTI_").lower(): value for name, value in SECRETS.items()}
    assert stated == Settings(_env_file=None, **secrets)


def test_the_example_explains_each_setting_in_its_own_words() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for name, field in Settings.model_fields.items():
        at = next(number for number, line in enumerate(lines) if line.startswith(f"SMALTI_{name.upper()}="))
        assert lines[at - 1].startswith(f"# {field.description}")


def test_the_example_holds_no_secret_and_is_refused_as_it_stands() -> None:
    values = dotenv_values(EXAMPLE)
    assert {name: values[name] for name in SECRETS} == dict.fromkeys(SECRETS, "")
    with pytest.raises(pydantic.ValidationError) as refused:
        Settings(_env_file=EXAMPLE)
    assert {error["loc"][0] for error in refused.value.errors()} == {"hmac_key", "namespace"}
