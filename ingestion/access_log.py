"""Access logs in combined or common format, as SQL over lines: what each field is called, and which lines are none.

The formats are those of Apache's mod_log_config (https://httpd.apache.org/docs/2.4/mod/mod_log_config.html):
`%h %l %u %t "%r" %>s %b`, combined with `"%{Referer}i" "%{User-agent}i"`; a quote within quotes has a backslash.
"""

from ingestion.sql import quoted
from warehouse.contracts import Contract
from warehouse.sql import literal

_TEXT = r'"((?:[^"\\]|\\.)*)"'
_LINE = rf"(\S+) (\S+) (.+?) \[([^\]]+)\] {_TEXT} (\d{{3}}) (\d+|-)(?: {_TEXT} {_TEXT})?\r?"
_REQUEST = r"(?s)(\S+) (.*?)(?: (HTTP/[0-9.]+))?"
_PARTS = "['host', 'ident', 'user', 'told_at', 'request', 'status', 'bytes', 'referrer', 'user_agent']"


def _given(text: str) -> str:
    """A field as it stands there; `-` is none."""
    return f"nullif(nullif({text}, '-'), '')"


FIELDS = {
    **{name: _given(f'part."{name}"') for name in ("host", "ident", "user", "status", "bytes", "referrer")},
    "user_agent": _given("part.user_agent"),
    "time": "utc_at::varchar",
    "method": "if(is_request, request.method, null)",
    "path": f"if(is_request, request.path, {_given('part.request')})",
    "protocol": "if(is_request, nullif(request.protocol, ''), null)",
}


def fields_sql(contract: Contract, lines: str) -> str:
    """SQL for columns of `delivered` out of a relation of `number` and `line`.

    A request that is none, as scanners send them, is kept whole as the path.
    """
    values = ", ".join(f"if(utc_at is null, null, {FIELDS[c.in_file]}) as {quoted(c.name)}" for c in contract.delivered)
    return f"""
        with parts as (
            select number, line, regexp_extract(line, {literal(f"^{_LINE}$")}, {_PARTS}) as part from {lines}
        ), timed as (
            select *, try_strptime(part.told_at, '%d/%b/%Y:%H:%M:%S %z')::timestamp as utc_at,
                regexp_full_match(part.request, {literal(_REQUEST)}) as is_request,
                regexp_extract(part.request, {literal(f"^{_REQUEST}$")}, ['method', 'path', 'protocol']) as request
            from parts
        )
        select number as _file_no, if(utc_at is null, 'record: not a line of an access log', null) as _fault,
            if(utc_at is null, line, null) as _raw, {values}
        from timed
    """
