"""dbt's connections get the pseudonym keys as session variables; what each node took is written beside its results."""

from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.events.event_manager_client import add_callback_to_manager

from warehouse import model_costs, pseudonyms, settings


class Plugin(BasePlugin):
    """Named by `dbt_project/profiles.yml`; a variable belongs to one cursor, so each is prepared."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:  # noqa: ARG002
        """Called once, before the file is opened."""
        add_callback_to_manager(model_costs.recorder(settings.load().home / "dbt" / model_costs.FILE))

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Bind the pads and the namespace."""
        pseudonyms.bind(cursor, settings.load())
