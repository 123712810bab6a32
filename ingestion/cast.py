"""From text to the contract's types, in SQL, with a reason for each row that does not keep the contract."""

from collections.abc import Iterator

from ingestion import known, moments
from ingestion.sql import quoted
from warehouse.contracts import DUCKDB_TYPES, Column, Contract
from warehouse.pseudonyms import hmac_sql
from warehouse.sql import literal

_NOUNS = {
    "integer": "an integer",
    "decimal": "a decimal number",
    "boolean": "true or false",
    "timestamp": "a timestamp in ISO 8601",
    "date": "a date in ISO 8601",
}
SEQUENCE = 1 << 40  # rows that a file may have, within a sequence over files
# casts alone accept far more: '1.5' and '1_000' as integers, 'epoch' as a timestamp
_SHAPES = {
    "integer": r"[+-]?\d{1,19}",
    "decimal": r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?",
    "boolean": r"(?i:true|false|0|1)",
    "timestamp": moments.SHAPE,
    "date": r"\d{4}-\d\d-\d\d",
}
# spellings that most exports use, told from others at a third of the cost of a regular expression
_USUAL = {
    "timestamp": "{text} like '2___-__-__T__:__:__%Z' and not contains({text}, ' ')",
    "decimal": "not contains({text}, '_') and not contains({text}, 'e') and not contains({text}, 'E')",
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
    whys = [f"if(_fault is null and {wrong}, {literal(why)}, null)" for wrong, why in faults(contract)]
    arrived = "($arrivals::timestamp[])[_file_no + 1]"
    if contract.arrival == "event_time" and contract.event_time:
        arrived = _cast(contract.column(contract.event_time))
    clear = "".join(f"{_cast(c)} as {_name(c)}, " for c in contract.columns if c.kind)
    # of a source with direct identifiers new columns may be more of them: clear only for the vault
    clear += "_others, " if contract.is_personal else ""
    place = "coalesce(_place, rowid - ($firsts::bigint[])[_file_no + 1] + 1)::bigint as _position"
    delivered = (
        f"select *, {place}, ($shas::varchar[])[_file_no + 1] as _file, $batch::integer as _batch from delivered"
    )
    return f"""
        with with_reasons as (
            select *, nullif(concat_ws('; ', {", ".join(["_fault", *whys])}), '') as _reason,
                ({arrived})::timestamp as _arrived_at
            from ({cast_sql(contract, delivered)})
        )
        select _file_no::bigint * {SEQUENCE} + _position as _seq, _file_no, _reason,
            case when _reason is not null then {_masked(contract)} end as _raw, {clear}{raw_sql(contract)}
        from with_reasons
    """


def cast_sql(contract: Contract, rows: str) -> str:
    """SQL that adds to each row of `rows`, which has the contract's columns as text, what they come to.

    Texts are without blanks around them, null where nothing is left; values stand beside them, as does what libraries
    know of them.
    """
    texts, asked = texts_sql(contract), known.asked_sql(contract)
    values = ", ".join(f"{value_sql(c)} as {_cast(c)}" for c in contract.columns)
    return (
        f"select *, {values} from (select *{asked} from "
        f"(select * exclude (_extra) replace ({texts}), _extra as _others from ({rows})))"
    )


def raw_sql(contract: Contract) -> str:
    """SQL for the columns of raw, out of `cast_sql` with `_file`, `_position`, `_arrived_at` and `_batch`."""
    made = {c.in_raw: hmac_sql(c.kind, _cast(c)) if c.kind else _cast(c) for c in contract.columns}
    made |= known.beside(contract) | {"_extra": _extra(contract)}
    return ", ".join(f"{made.get(name, quoted(name))} as {quoted(name)}" for name in contract.raw_columns())


def texts_sql(contract: Contract) -> str:
    """SQL for the texts of `delivered` without blanks around them, null where nothing is left."""
    # trimmed only where there is a blank: most texts have none, and to see that costs a tenth of trimming.
    # a set of characters would make trim three times dearer; what else stands at the edges is for `normal_form`
    return ", ".join(
        f"if({_name(c)} < '!' or suffix({_name(c)}, ' '), nullif(trim({_name(c)}), ''), {_name(c)}) as {_name(c)}"
        for c in contract.delivered
    )


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
    usual = f"when {_USUAL[column.type].format(text=text)} then {tried} " if column.type in _USUAL else ""
    other = moments.utc_sql(text, column.zone) if column.type == "timestamp" else tried
    return f"case {usual}when regexp_full_match({text}, '{_SHAPES[column.type]}') then {other} end"


def faults(contract: Contract) -> list[tuple[str, str]]:
    """What the contract forbids, as SQL that is true of a row of `cast_sql` that does it, with the reason."""
    found = [fault for column in contract.columns for fault in _faults(column, contract)]
    if contract.others == "refuse":
        found.append(("_others is not null", "record: columns that the contract has not"))
    return found


def _faults(column: Column, contract: Contract) -> Iterator[tuple[str, str]]:
    value = _cast(column)
    text = value if column.derived else _name(column)
    in_key = column.name in contract.key
    if in_key or not column.nullable:
        why = "cannot be made of the other columns" if column.derived else "missing"
        yield f"{text} is null", f"{column.name}: {why}"
    if column.pii == "direct" and in_key:
        why = f"no usable {column.kind}, and it is part of the key"
        yield f"({text} is not null and {value} is null)", f"{column.name}: {why}"
    if column.type != "text":
        yield f"({text} is not null and {value} is null)", f"{column.name}: not {_NOUNS[column.type]}"
    if column.form == "currency" and (in_key or not column.nullable):
        yield f"({text} is not null and {value} is null)", f"{column.name}: no currency of ISO 4217"
    if column.allowed:
        tested = value if column.form == "currency" else text
        # DuckDB makes a join of `in`
        listed = " or ".join(f"{tested} = {literal(allowed)}" for allowed in column.allowed)
        yield f"not ({listed})", f"{column.name}: not one of {', '.join(column.allowed)}"
    if column.minimum is not None:
        yield f"{value} < {column.minimum}", f"{column.name}: less than {column.minimum:g}"


def _extra(contract: Contract) -> str:
    """SQL for the columns that the contract has not: e-mails masked, in a source with direct identifiers everything."""
    shown = "_others"
    if contract.is_personal:
        names = """list_transform(json_keys(_others), lambda name: to_json(name)::varchar || ':"***"')"""
        shown = f"if(_others is null, null, '{{' || array_to_string({names}, ',') || '}}')"
    return f"regexp_replace({shown}, '{_LIKE_EMAIL}', '***', 'g')"


def _masked(contract: Contract) -> str:
    """SQL for what a reject shows: the row as JSON, or a malformed line, without direct identifiers.

    A malformed line of a source with direct identifiers may hold them anywhere, and a row whose
    values have shifted in another column: so the first is masked whole, the second where it has an `@`.
    """
    pairs = ", ".join(
        f"{literal(c.in_file)}, " + (f"if({_name(c)} is null, null, '***')" if c.kind else _name(c))
        for c in contract.delivered
    )
    line = "'***'" if contract.is_personal else "coalesce(_raw, '')"
    shown = f"case when _fault is null then json_object({pairs})::varchar else {line} end"
    return f"regexp_replace({shown}, '{_LIKE_EMAIL}', '***', 'g')"
