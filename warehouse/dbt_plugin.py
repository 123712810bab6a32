"""dbt's connections get the pseudonym keys as session variables."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from warehouse import pseudonyms, settings


class Plugin(BasePlugin):
    """Named by `dbt_project/profiles.yml`; a variable belongs to one cursor, so each is prepared."""

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Bind the pads and the namespace."""
        pseudonyms.bind(cursor, settings.load())
