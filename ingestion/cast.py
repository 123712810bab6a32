"""From text to the contract's types, in SQL, with a reason for each row that does not keep the contract."""

from ingestion import known, moments
from ingestion.sql import literal, quoted
from warehouse.contracts import DUCKDB_TYPES, Column, Contract
from warehouse.pseudonyms import hmac_sql

_NOUNS = {
    "integer": "an integer",
    "decimal": "a decimal number",
    "boolean": "true or false",
    "timestamp": "a timestamp in ISO 8601",
    "date": "a date in ISO 8601",
}
# casts alone accept far more: '1.5' and '1_000' as integers, 'epoch' as a timestamp
_SHAPES = {
    "integer": r"[+-]?\d{1,19}",
    "decimal": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?",
    "boolean": r"(?i:true|false|0|1)",
    "timestamp": moments.SHAPE,
    "date": r"\d{4}-\d\d-\d\d",
}
_BLANKS = r"[\s\p{Z}]+"
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
# an at sign may be percent-encoded, and more than once
_AT = "(?:@|%(?:25)*40)"
_LIKE_EMAIL = rf'[^\s@"<>,;]+{_AT}[^\s@"<>,;]+'
# within an address or a query, so that the rest stays: between separators, with letters after the last dot
_PART = r'[^\s/?&=#:;,<>"@]+'
_EMAIL_IN_TEXT = rf"{_PART}{_AT}{_PART}(?:\.|%(?:25)*2[eE])\p{{L}}{{2,}}"


def normal_form(kind: str, text: str) -> str:
    """SQL for the normal form of a direct identifier, null where unusable; `text` is an SQL expression.

    E-mails are lower case and look like one; phones are `+` and digits, national ones taken as British (44): the
    form of what `phones` finds impossible; names, addresses and birth dates are lower case with single blanks.
    """
    if kind == "email":
        bare = rf"regexp_replace({text}, '^{_BLANKS}|{_BLANKS}$', '', 'g')"
        return (
            f"case when regexp_full_match({text}, '{_EMAIL}') then lower({text}) "
            f"when regexp_full_match({bare}, '{_EMAIL}') then lower({bare}) end"
        )
    if kind == "phone":
        digits = rf"regexp_replace(replace({text}, '(0)', ''), '[^0-9+]', '', 'g')"
        return (
            f"case when not regexp_matches({text}, '\\d') then null "
            f"when starts_with({digits}, '+') then '+' || replace({digits}, '+', '') "
            f"when starts_with({digits}, '00') then '+' || substr({digits}, 3) "
            f"when starts_with({digits}, '0') then '+44' || substr({digits}, 2) "
            f"else '+' || {digits} end"
        )
    return rf"nullif(lower(trim(regexp_replace({text}, '{_BLANKS}', ' ', 'g'))), '')"


def judged_sql(contract: Contract) -> str:
    """SQL that types the rows of `delivered`, one row out for each row in.

    Parameters, one entry per file number: `$firsts` (lowest rowid), `$shas`, `$arrivals`; and `$batch`.
    Columns: `_seq` (order by file, then position), `_file_no`, `_reason` (null: keeps the contract),
    `_raw` (rejected rows only, direct identifiers masked), direct identifiers in normal form under their
    own name, and all of `contract.raw_columns()`.
    """
    texts = texts_sql(contract)
    values = ", ".join(f"{value_sql(c)} as {_cast(c)}" for c in contract.columns)
    checks = ", ".join(["_fault", *(check for c in contract.columns for check in _checks(c, contract))])
    typed = ", ".join(f"{_cast(c)} as {_name(c)}" for c in contract.columns)
    beside = "".join(f", {said} as {quoted(name)}" for name, said in known.beside(contract).items())
    keyed = "".join(f", {hmac_sql(c.kind, _cast(c))} as {quoted(c.in_raw)}" for c in contract.columns if c.kind)
    arrived = "($arrivals::timestamp[])[_file_no + 1]"
    if contract.arrival == "event_time" and contract.event_time:
        arrived = _cast(contract.column(contract.event_time))
    return f"""
        with texts as (
            select rowid - ($firsts::bigint[])[_file_no + 1] + 1 as _position, _file_no, _fault, _raw as _line, {texts}
            from delivered
        ), cast_once as (
            select texts.*, {values}{beside} from texts {known.joins(contract)}
        ), with_reasons as (
            select *, nullif(concat_ws('; ', {checks}), '') as _reason from cast_once
        )
        select _file_no::bigint * 1099511627776 + _position as _seq, _file_no, _reason,
            case when _reason is not null then {_masked(contract)} end as _raw,
            {typed}{keyed}{"".join(f", {quoted(name)}" for name in known.beside(contract))},
            ($shas::varchar[])[_file_no + 1] as _file, _position::bigint as _position,
            ({arrived})::timestamp as _arrived_at, $batch::integer as _batch
        from with_reasons
    """


def texts_sql(contract: Contract) -> str:
    """SQL for the texts of `delivered` without blanks around them, null where nothing is left."""
    # a set of characters would make trim three times dearer; what else stands at the edges is for `normal_form`
    return ", ".join(f"nullif(trim({_name(c)}), '') as {_name(c)}" for c in contract.delivered)


def _name(column: Column) -> str:
    """The column's text; a leading underscore, as in `_cast`, is free: no contract's name has one."""
    return quoted(column.name)


def _cast(column: Column) -> str:
    return quoted(f"_cast_{column.name}")


def value_sql(column: Column) -> str:
    """SQL for the column's value out of its text, null where the text is no such value."""
    text = _name(column)
    if column.derived:
        return moments.local_sql(f"try_cast({column.derived} as {DUCKDB_TYPES[column.type]})", column.zone)
    if column.kind:
        normal = normal_form(column.kind, text)
        return f"coalesce({known.answer(column, 'e164')}, {normal})" if column.kind == "phone" else normal
    if column.form in ("url", "query"):
        may_hold_one = f"contains({text}, '@') or contains({text}, '%')"
        return f"if({may_hold_one}, regexp_replace({text}, '{_EMAIL_IN_TEXT}', '***', 'g'), {text})"
    if column.form == "currency":
        return known.answer(column, "code")
    return text if column.type == "text" else _typed(column, text)


def _typed(column: Column, text: str) -> str:
    tried = f"try_cast({text} as {DUCKDB_TYPES[column.type]})"
    if column.type == "timestamp":
        tried = moments.utc_sql(text, column.zone)
    return f"case when regexp_full_match({text}, '{_SHAPES[column.type]}') then {tried} end"


def _checks(column: Column, contract: Contract) -> list[str]:
    """SQL expressions, each null or a reason."""
    value = _cast(column)
    text = value if column.derived else _name(column)
    checks: list[str] = []

    def refuse(condition: str, reason: str) -> None:
        checks.append(f"if(_fault is null and {condition}, {literal(f'{column.name}: {reason}')}, null)")

    in_key = column.name in contract.key
    if in_key or not column.nullable:
        refuse(f"{text} is null", "cannot be made of the other columns" if column.derived else "missing")
    if column.pii == "direct" and in_key:
        refuse(f"{text} is not null and {value} is null", f"no usable {column.kind}, and it is part of the key")
    if column.type != "text":
        refuse(f"{text} is not null and {value} is null", f"not {_NOUNS[column.type]}")
    if column.form == "currency" and (in_key or not column.nullable):
        refuse(f"{text} is not null and {value} is null", "no currency of ISO 4217")
    if column.allowed:
        listed = ", ".join(literal(allowed) for allowed in column.allowed)
        refuse(
            f"{value if column.form == 'currency' else text} not in ({listed})",
            f"not one of {', '.join(column.allowed)}",
        )
    if column.minimum is not None:
        refuse(f"{value} < {column.minimum}", f"less than {column.minimum:g}")
    return checks


def _masked(contract: Contract) -> str:
    """SQL for what a reject shows: the row as JSON, or a malformed line, without direct identifiers.

    A malformed line of a source with direct identifiers may hold them anywhere, and a row whose
    values have shifted in another column: so the first is masked whole, the second where it has an `@`.
    """
    pairs = ", ".join(
        f"{literal(c.in_file)}, " + (f"if({_name(c)} is null, null, '***')" if c.kind else _name(c))
        for c in contract.delivered
    )
    line = "'***'" if any(c.kind for c in contract.columns) else "coalesce(_line, '')"
    shown = f"case when _fault is null then json_object({pairs})::varchar else {line} end"
    return f"regexp_replace({shown}, '{_LIKE_EMAIL}', '***', 'g')"
