"""Values in SQL where DuckDB takes no parameter: paths in views, in `copy to` and in `attach`."""


def literal(value: object) -> str:
    """The value as an SQL string, its quotes doubled."""
    return "'" + str(value).replace("'", "''") + "'"
