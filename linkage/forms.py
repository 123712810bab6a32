"""The form in which values are compared: SQL from clear values to the columns that rules and comparisons name."""

import duckdb
import pyarrow as pa
from nicknames import NickNamer

# what a record may have, all text; each source or data set has some of them
FIELDS = ("given_name", "surname", "birth_date", "street", "postcode", "city", "phone", "email")
# what is compared; a record's `mailbox` and `given_root` only find and weigh pairs
COMPARED = ("given_name", "surname", "birth_date", "postcode", "street", "house", "city", "phone", "email")
_LETTERS = "nullif(regexp_replace(strip_accents(lower({0})), '[^a-z]', '', 'g'), '')"
_WORDS = "nullif(trim(regexp_replace(strip_accents(lower({0})), '[^a-z0-9]+', ' ', 'g')), '')"
_PLAIN = "nullif(regexp_replace(lower({0}), '[^a-z0-9]', '', 'g'), '')"


def compared_sql(records: str) -> str:
    """SQL for the compared form of `records`, which has `record_id` and FIELDS; null where there is no value.

    Needs the table `canonical_names` (`teach`). `given_names` is the given name with every name that it is short for,
    `given_root` one of them; of an address the house number stands apart from the street.
    """
    return f"""
        with plain as (
            select
                record_id,
                {_LETTERS.format("given_name")} as given_name,
                {_LETTERS.format("surname")} as surname,
                case when regexp_full_match(birth_date, '\\d{{4}}-\\d\\d-\\d\\d') then birth_date end as birth_date,
                {_WORDS.format("street")} as address,
                {_PLAIN.format("postcode")} as postcode,
                {_WORDS.format("city")} as city,
                nullif(regexp_replace(phone, '[^0-9]', '', 'g'), '') as phone,
                nullif(lower(trim(email)), '') as email
            from ({records})
        )
        select
            plain.* exclude (address),
            nullif(regexp_extract(address, '\\d+[a-z]?'), '') as house,
            nullif(trim(regexp_replace(address, '\\b\\d+[a-z]?\\b', '', 'g')), '') as street,
            nullif(split_part(email, '@', 1), '') as mailbox,
            if(given_name is not null, list_prepend(given_name, coalesce(names, [])), null) as given_names,
            coalesce(names[1], given_name) as given_root
        from plain left join canonical_names on given_name = canonical_names.name
        order by record_id
    """


def teach(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table `canonical_names`: for each short form the names that it is short for."""
    known = NickNamer().canonical_lookup
    table = pa.table({"name": sorted(known), "names": [sorted(known[name]) for name in sorted(known)]})
    connection.register("nicknames", table)
    connection.execute("create or replace table canonical_names as select * from nicknames")
    connection.unregister("nicknames")
