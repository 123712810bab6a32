"""Each level of each comparison, by two values that it is made for; a level that is broken has lost its example."""

import itertools
from dataclasses import replace
from datetime import date, timedelta

import duckdb
import pytest
from splink import DuckDBAPI, Linker

from linkage import forms, model, parameters
from tests.linkage.conftest import Person, clear

A = Person("a")
EXAMPLES = {
    ("given_name", "equal"): (("robert",), ("Robért",)),
    ("given_name", "nickname"): (("robert",), ("bob",)),
    ("given_name", "initial"): (("r",), ("robert",)),
    ("given_name", "close"): (("leocadia",), ("leocaida",)),
    ("given_name", "near"): (("leocadia",), ("leonard",)),
    ("given_name", "unlike"): (("leocadia",), ("winifred",)),
    ("given_name", "missing"): (("leocadia",), (None,)),
    ("surname", "equal"): (("o'hara",), ("OHara",)),
    ("surname", "close"): (("quillfeather",), ("quilfeather",)),
    ("surname", "near"): (("quillfeather",), ("quillon",)),
    ("surname", "unlike"): (("quillfeather",), ("pangolin",)),
    ("surname", "missing"): ((None,), ("pangolin",)),
    ("birth_date", "equal"): (("1971-05-24",), ("1971-05-24",)),
    ("birth_date", "one edit"): (("1971-05-24",), ("1917-05-24",)),
    ("birth_date", "day and month swapped"): (("1971-05-12",), ("1971-12-05",)),
    ("birth_date", "two edits"): (("1971-05-24",), ("1961-05-23",)),
    ("birth_date", "within a month"): (("1971-05-24",), ("1971-06-13",)),
    ("birth_date", "within a year"): (("1971-05-24",), ("1972-02-13",)),
    ("birth_date", "unlike"): (("1971-05-24",), ("1988-12-13",)),
    ("birth_date", "missing"): (("1971-05-24",), ("24 May 1971",)),
    ("postcode", "equal"): (("B17 9QT",), ("b179qt",)),
    ("postcode", "one edit"): (("B17 9QT",), ("B17 QT",)),
    ("postcode", "same area"): (("B17 9QT",), ("B17 2AB",)),
    ("postcode", "unlike"): (("B17 9QT",), ("H71 8FN",)),
    ("postcode", "missing"): (("B17 9QT",), (None,)),
    ("street", "equal"): (("12 Verbena St",), ("verbena st, 14",)),
    ("street", "close"): (("12 verbena street",), ("12 verbina street",)),
    ("street", "unlike"): (("12 verbena street",), ("12 oak lane",)),
    ("street", "missing"): (("12 verbena street",), (None,)),
    ("house", "equal"): (("12 verbena street",), ("12 oak lane",)),
    ("house", "one edit"): (("12 verbena street",), ("21 verbena street",)),
    ("house", "unlike"): (("12 verbena street",), ("347 verbena street",)),
    ("house", "missing"): (("12 verbena street",), ("verbena street",)),
    ("city", "equal"): (("Birmingham",), ("birmingham ",)),
    ("city", "close"): (("birmingham",), ("birmingam",)),
    ("city", "unlike"): (("birmingham",), ("lapal",)),
    ("city", "missing"): (("birmingham",), (None,)),
    ("phone", "equal"): (("+441214960777",), ("+44 121 4960777",)),
    ("phone", "one edit"): (("+441214960777",), ("+441214960707",)),
    ("phone", "unlike"): (("+441214960777",), ("+441214961234",)),
    ("phone", "missing"): (("+441214960777",), (None,)),
    ("email", "equal"): (("Orme@a.example",), ("orme@a.example",)),
    ("email", "same mailbox"): (("orme@a.example",), ("orme@b.example",)),
    ("email", "close"): (("pearl.orme@a.example",), ("pearl.ormes@a.example",)),
    ("email", "unlike"): (("pearl.orme1@a.example",), ("pearl.orme7@a.example",)),
    ("email", "missing"): (("orme@a.example",), (None,)),
}
SWAPPED = (Person("a", "katherine", "ocelot"), Person("b", "ocelot", "katherine"))


def levels(one: Person, other: Person) -> dict[str, str]:
    """The level of each field of two records."""
    stated = model.stated(set(forms.COMPARED), [])
    stated["blocking_rules_to_generate_predictions"] = [{"blocking_rule": "true"}]
    with duckdb.connect() as connection:
        clear(connection, [replace(one, key="a"), replace(other, key="b")])
        connection.execute(f"create table records as {forms.compared_sql('from clear')}")
        linker = Linker(DuckDBAPI(connection).register("records"), stated, log_level=None)
        compared = linker.inference.predict(warning_mode="never").physical_name
        gammas = ", ".join(f"gamma_{field}" for field in parameters.fields(stated))
        found = connection.execute(f"select {gammas} from {compared}").fetchall()
    labels = {(field, number): level["label_for_charts"] for field, number, level in parameters.levels(stated)}
    return {
        field: labels.get((field, at), "missing") for field, at in zip(parameters.fields(stated), found[0], strict=True)
    }


@pytest.mark.parametrize(("field", "label"), sorted(EXAMPLES))
def test_two_values_are_as_like_as_they_look(field: str, label: str):
    column = "street" if field == "house" else field
    (one,), (other,) = EXAMPLES[field, label]
    left, right = replace(A, **{column: one}), replace(A, **{column: other})
    assert levels(left, right)[field] == label
    assert levels(right, left)[field] == label


def test_names_in_each_others_place_count_once():
    assert levels(*SWAPPED)["given_name"] == "swapped"
    assert levels(*SWAPPED)["surname"] == "missing"


def test_each_level_has_its_example():
    levels_ = parameters.levels(model.stated(set(forms.COMPARED), []))
    stated = {(field, level["label_for_charts"]) for field, _, level in levels_}
    assert stated - {("given_name", "swapped")} == {one for one in EXAMPLES if one[1] != "missing"}


@pytest.mark.parametrize(("label", "edits"), [("one edit", 1), ("two edits", 2)])
def test_the_cheap_checks_before_an_edit_distance_change_no_answer(label: str, edits: int):
    levels_ = parameters.levels(model.stated({"birth_date"}, []))
    sql = {level["label_for_charts"]: level["sql_condition"] for _, _, level in levels_}[label]
    dates = [str(date(1969, 1, 1) + timedelta(days=37 * n)) for n in range(300)]
    words = ["".join(letters) for n in range(1, 5) for letters in itertools.product("abc", repeat=n)]
    strings = [*dates, "1971-05-24", "1917-05-42", *(words if edits == 1 else [])]
    with duckdb.connect() as connection:
        connection.execute("create table strings as select unnest(?) as birth_date", [strings])
        differing = connection.execute(f"""
            with pairs as (
                select l.birth_date as birth_date_l, r.birth_date as birth_date_r
                from strings as l cross join strings as r
            )
            select count(*) filter ((damerau_levenshtein(birth_date_l, birth_date_r) <= {edits}) <> ({sql})) from pairs
        """).fetchall()
    assert differing == [(0,)]
