from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adtech_assets.versions import Input, Notes, Part, Parts, digest

FIRST, SECOND, THIRD, FOURTH, FIFTH = (date(2022, 5, 25) + timedelta(n) for n in range(5))

days = st.dates(date(2022, 1, 1), date(2022, 1, 12))
versions = st.sampled_from(["a", "b", "c"])
by_day = st.dictionaries(st.none() | days, versions, max_size=6)
by_change = st.dictionaries(days, versions, max_size=4)


# ---- digests -------------------------------------------------------------------------------------


@given(
    st.lists(st.none() | st.text(), max_size=3),
    st.lists(st.none() | st.text(), max_size=3),
)
def test_digests_are_equal_only_for_equal_values(one, other):
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_digest_takes_any_values_as_their_text():
    assert digest(1, FIRST, "a") == digest("1", "2022-05-25", "a")


# ---- what is noted -------------------------------------------------------------------------------


@pytest.fixture
def notes(warehouse):
    Notes.create(warehouse)
    return Notes(warehouse)


def test_a_part_of_which_nothing_is_noted_has_no_versions(notes):
    assert notes.of("a part") == {}


def test_what_is_noted_is_read_by_part_and_day(notes):
    notes.note("one", {FIRST: "a", None: "b"}, "run")
    notes.note("other", {FIRST: "c"}, "run")

    assert notes.of("one") == {FIRST: "a", None: "b"}
    assert notes.of("other") == {FIRST: "c"}


def test_days_that_are_not_named_keep_their_version(notes):
    notes.note("part", {FIRST: "a", SECOND: "a", None: "a"}, "run")

    notes.note("part", {SECOND: "b"}, "run")

    assert notes.of("part") == {FIRST: "a", SECOND: "b", None: "a"}


@pytest.mark.parametrize("day", [SECOND, None])
def test_none_takes_a_version_away(notes, day):
    notes.note("part", {FIRST: "a", day: "a"}, "run")

    assert notes.note("part", {day: None}, "run") == {day}
    assert notes.of("part") == {FIRST: "a"}


def test_noting_tells_the_days_that_have_changed(notes):
    notes.note("part", {FIRST: "a", SECOND: "a", None: "a"}, "run")

    changed = notes.note(
        "part", {FIRST: "a", SECOND: "b", THIRD: "a", FOURTH: None, None: "a"}, "run"
    )

    assert changed == {SECOND, THIRD}


def test_a_version_that_stays_keeps_its_time_and_run(notes, warehouse):
    notes.note("part", {FIRST: "a", SECOND: "a"}, "first run")
    query = "SELECT run_id, noted_at FROM state.versions WHERE day = ?"
    before = warehouse.execute(query, [FIRST]).fetchall()

    notes.note("part", {FIRST: "a", SECOND: "b"}, "second run")

    assert warehouse.execute(query, [FIRST]).fetchall() == before
    assert warehouse.execute(query, [SECOND]).fetchall()[0][0] == "second run"


def test_the_time_of_a_version_is_in_utc(notes, warehouse):
    before = datetime.now(UTC).replace(tzinfo=None)

    notes.note("part", {FIRST: "a"}, "run")

    [(at,)] = warehouse.execute("SELECT noted_at FROM state.versions").fetchall()
    assert before <= at <= datetime.now(UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("forgotten", "left"),
    [
        ([FIRST], {SECOND: "a", None: "a"}),
        ([None], {FIRST: "a", SECOND: "a"}),
        ([FIRST, None], {SECOND: "a"}),
        ([], {FIRST: "a", SECOND: "a", None: "a"}),
        ([THIRD], {FIRST: "a", SECOND: "a", None: "a"}),
    ],
)
def test_days_are_forgotten_and_no_others(notes, forgotten, left):
    notes.note("part", {FIRST: "a", SECOND: "a", None: "a"}, "run")
    notes.note("other", {FIRST: "a"}, "run")

    notes.forget("part", forgotten)

    assert notes.of("part") == left
    assert notes.of("other") == {FIRST: "a"}


def test_the_table_is_made_once_and_kept(notes, warehouse):
    notes.note("part", {FIRST: "a"}, "run")

    Notes.create(warehouse)

    assert notes.of("part") == {FIRST: "a"}


def test_notes_belong_to_the_transaction_of_the_caller(notes, warehouse):
    notes.note("part", {FIRST: "a"}, "run")
    warehouse.begin()
    notes.note("part", {FIRST: "b", SECOND: "b"}, "run")
    warehouse.rollback()

    assert notes.of("part") == {FIRST: "a"}


# ---- what is stale -------------------------------------------------------------------------------


RAW = Part("raw", "day")
TERMS = Part("terms", "change")


def built(parts, name):
    """Do what there is to do for a part."""
    parts.suppose(name, parts.stale(name))


def graph(*parts, **noted):
    return Parts(parts, lambda name: noted.get(name, {}))


FROM_RAW = (Input("raw"),)


def model(name="model", by="day", reads=FROM_RAW, code="code", is_view=False):
    return Part(name, by, reads, code, is_view)


def test_every_day_of_the_input_is_stale_at_first():
    parts = graph(RAW, model(), raw={FIRST: "a", SECOND: "a", None: "a"})

    assert set(parts.stale("model")) == {FIRST, SECOND, None}


def test_nothing_is_stale_once_it_is_built():
    parts = graph(RAW, model(), raw={FIRST: "a", None: "a"})

    built(parts, "model")

    assert parts.stale("model") == {}


@pytest.mark.parametrize("day", [SECOND, None])
def test_a_day_whose_input_changed_is_stale_alone(day):
    parts = graph(RAW, model(), raw={FIRST: "a", SECOND: "a", THIRD: "a", None: "a"})
    built(parts, "model")

    parts.suppose("raw", {day: "b"})

    assert set(parts.stale("model")) == {day}


def test_a_day_that_is_new_is_stale_alone():
    parts = graph(RAW, model(), raw={FIRST: "a"})
    built(parts, "model")

    parts.suppose("raw", {SECOND: "a"})

    assert set(parts.stale("model")) == {SECOND}


@pytest.mark.parametrize("day", [FIRST, None])
def test_a_day_that_vanished_is_to_have_no_rows(day):
    parts = graph(RAW, model(), raw={FIRST: "a", SECOND: "a", None: "a"})
    built(parts, "model")

    parts.suppose("raw", {day: None})

    assert parts.stale("model") == {day: None}
    built(parts, "model")
    assert parts.stale("model") == {}


def test_a_change_that_was_taken_back_leaves_nothing_to_do():
    parts = graph(RAW, model(), raw={FIRST: "a"})
    built(parts, "model")

    parts.suppose("raw", {FIRST: "b"})
    parts.suppose("raw", {FIRST: "a"})

    assert parts.stale("model") == {}


def test_a_day_that_failed_stays_stale_until_it_is_built():
    parts = graph(RAW, model(), raw={FIRST: "a", SECOND: "a"})
    wanted = parts.stale("model")

    parts.suppose("model", {FIRST: wanted[FIRST]})

    assert parts.stale("model") == {SECOND: wanted[SECOND]}


def test_other_code_makes_every_day_stale():
    before = graph(RAW, model(), raw={FIRST: "a", None: "a"})

    after = graph(
        RAW, model(code="other"), raw={FIRST: "a", None: "a"}, model=before.wanted("model")
    )

    assert set(after.stale("model")) == {FIRST, None}


def test_another_input_makes_every_day_stale():
    raw = {FIRST: "a", SECOND: "a"}
    before = graph(RAW, model(), raw=raw)

    after = graph(
        RAW,
        Part("more", "day"),
        model(reads=(Input("raw"), Input("more"))),
        raw=raw,
        more={FIRST: "a"},
        model=before.wanted("model"),
    )

    assert set(after.stale("model")) == {FIRST, SECOND}


def test_what_reads_two_inputs_has_the_days_of_both():
    parts = graph(
        Part("one", "day"),
        Part("other", "day"),
        model(reads=(Input("one"), Input("other"))),
        one={FIRST: "a"},
        other={SECOND: "a"},
    )
    assert set(parts.stale("model")) == {FIRST, SECOND}


def test_two_inputs_that_exchange_their_versions_are_a_change():
    reads = (Input("one"), Input("other"))
    inputs = (Part("one", "day"), Part("other", "day"))
    before = graph(*inputs, model(reads=reads), one={FIRST: "a"}, other={FIRST: "b"})

    after = graph(*inputs, model(reads=reads), one={FIRST: "b"}, other={FIRST: "a"})

    assert after.wanted("model") != before.wanted("model")


def test_what_is_built_from_a_stale_part_waits_for_it():
    parts = graph(
        RAW, model("first"), model("second", reads=(Input("first"),)), raw={FIRST: "a", SECOND: "a"}
    )
    built(parts, "first")
    built(parts, "second")

    parts.suppose("raw", {FIRST: "b"})
    assert parts.stale("second") == {}
    built(parts, "first")

    assert set(parts.stale("second")) == {FIRST}


# ---- days around ---------------------------------------------------------------------------------


def test_a_day_depends_on_the_days_around_it():
    parts = graph(
        RAW,
        model(reads=(Input("raw", days_around=1),)),
        raw=dict.fromkeys((FIRST, SECOND, THIRD, FOURTH, FIFTH), "a"),
    )
    built(parts, "model")

    parts.suppose("raw", {THIRD: "b"})

    assert set(parts.stale("model")) == {SECOND, THIRD, FOURTH}


def test_days_beside_those_of_the_input_are_built_too():
    parts = graph(RAW, model(reads=(Input("raw", days_around=1),)), raw={THIRD: "a"})

    assert set(parts.stale("model")) == {SECOND, THIRD, FOURTH}


def test_a_day_that_vanished_takes_those_around_it_along():
    parts = graph(RAW, model(reads=(Input("raw", days_around=1),)), raw={FIRST: "a", FIFTH: "a"})
    built(parts, "model")

    parts.suppose("raw", {FIFTH: None})

    assert parts.stale("model") == {FOURTH: None, FIFTH: None, FIFTH + timedelta(1): None}


def test_the_undated_rows_have_no_days_around_them():
    parts = graph(
        RAW, model(reads=(Input("raw", days_around=1),)), raw={FIRST: "a", SECOND: "a", None: "a"}
    )
    built(parts, "model")

    parts.suppose("raw", {None: "b"})

    assert set(parts.stale("model")) == {None}


def test_versions_that_move_to_the_next_day_are_a_change():
    reads = (Input("raw", days_around=1),)
    before = graph(RAW, model(reads=reads), raw={FIRST: "a", SECOND: "b"})

    after = graph(RAW, model(reads=reads), raw={FIRST: "b", SECOND: "a"})

    for day in (FIRST, SECOND):
        assert after.wanted("model")[day] != before.wanted("model")[day]


# ---- what is noted when it changes ---------------------------------------------------------------


AS_OF = (Input("raw"), Input("terms", as_of_day=True))


def test_a_day_depends_on_the_terms_that_were_known_when_it_ended():
    parts = graph(
        RAW,
        TERMS,
        model(reads=AS_OF),
        raw=dict.fromkeys((FIRST, SECOND, THIRD, FOURTH), "a"),
        terms={FIRST: "x"},
    )
    built(parts, "model")

    parts.suppose("terms", {THIRD: "y"})

    assert set(parts.stale("model")) == {THIRD, FOURTH}


def test_terms_of_a_day_that_change_again_leave_later_terms_in_force():
    parts = graph(
        RAW,
        TERMS,
        model(reads=AS_OF),
        raw=dict.fromkeys((FIRST, SECOND, THIRD), "a"),
        terms={FIRST: "x", THIRD: "z"},
    )
    built(parts, "model")

    parts.suppose("terms", {SECOND: "y"})

    assert set(parts.stale("model")) == {SECOND}


def test_days_before_the_first_terms_do_not_depend_on_them():
    parts = graph(
        RAW, TERMS, model(reads=AS_OF), raw={FIRST: "a", SECOND: "a"}, terms={SECOND: "x"}
    )
    built(parts, "model")

    parts.suppose("terms", {SECOND: "y", THIRD: "z"})

    assert set(parts.stale("model")) == {SECOND}


def test_the_undated_rows_go_by_the_last_terms():
    parts = graph(RAW, TERMS, model(reads=AS_OF), raw={FIRST: "a", None: "a"}, terms={FIRST: "x"})
    built(parts, "model")

    parts.suppose("terms", {FIFTH: "y"})

    assert set(parts.stale("model")) == {None}


def test_a_day_that_reads_the_terms_as_they_are_now_depends_on_all_of_them():
    parts = graph(
        RAW,
        TERMS,
        model(reads=(Input("raw"), Input("terms"))),
        raw={FIRST: "a", SECOND: "a", None: "a"},
        terms={FIRST: "x"},
    )
    built(parts, "model")

    parts.suppose("terms", {FIFTH: "y"})

    assert set(parts.stale("model")) == {FIRST, SECOND, None}


def test_a_history_changes_on_the_days_of_what_it_keeps():
    history = model("history", by="change", reads=(Input("terms"),))
    parts = graph(TERMS, history, terms={FIRST: "x", THIRD: "y"})
    assert set(parts.stale("history")) == {FIRST, THIRD}
    built(parts, "history")

    parts.suppose("terms", {FIFTH: "z"})

    assert set(parts.stale("history")) == {FIFTH}


def test_a_history_of_two_tables_goes_by_what_each_was_on_the_day():
    history = model("history", by="change", reads=(Input("terms"), Input("names")))
    parts = graph(TERMS, Part("names", "change"), history, terms={FIRST: "x"}, names={SECOND: "n"})
    built(parts, "history")

    parts.suppose("names", {THIRD: "m"})

    assert set(parts.stale("history")) == {THIRD}


# ---- what is built whole -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{FIRST: "b"}, {THIRD: "a"}, {FIRST: None}, {None: "b"}, {None: None}]
)
def test_what_is_built_whole_depends_on_every_day(change):
    parts = graph(RAW, model(by="whole"), raw={FIRST: "a", SECOND: "a", None: "a"})
    built(parts, "model")
    assert parts.stale("model") == {}

    parts.suppose("raw", change)

    assert set(parts.stale("model")) == {None}


def test_what_is_built_whole_is_built_of_nothing_too():
    assert set(graph(RAW, model(by="whole")).stale("model")) == {None}


def test_what_reads_a_whole_part_by_day_depends_on_it_every_day():
    parts = graph(
        RAW,
        Part("agents", "whole"),
        model(reads=(Input("raw"), Input("agents"))),
        raw={FIRST: "a", SECOND: "a"},
        agents={None: "x"},
    )
    built(parts, "model")

    parts.suppose("agents", {None: "y"})

    assert set(parts.stale("model")) == {FIRST, SECOND}


# ---- views ---------------------------------------------------------------------------------------


def chain(code="view"):
    return (RAW, model("view", is_view=True, code=code), model("mart", reads=(Input("view"),)))


def test_a_view_is_stale_with_its_code_only():
    parts = graph(*chain(), raw={FIRST: "a"})
    assert parts.stale("view") == {None: "view"}
    built(parts, "view")

    parts.suppose("raw", {FIRST: "b", SECOND: "a"})

    assert parts.stale("view") == {}


def test_what_reads_a_view_depends_on_the_days_that_the_view_reads():
    parts = graph(*chain(), raw={FIRST: "a", SECOND: "a"})
    built(parts, "view")
    built(parts, "mart")
    assert parts.stale("mart") == {}

    parts.suppose("raw", {SECOND: "b"})

    assert set(parts.stale("mart")) == {SECOND}


def test_what_reads_a_view_is_stale_once_the_view_has_other_code():
    before = graph(*chain(), raw={FIRST: "a", SECOND: "a"})
    built(before, "view")

    after = graph(
        *chain("other"),
        raw={FIRST: "a", SECOND: "a"},
        view={None: "view"},
        mart=before.wanted("mart"),
    )
    assert after.stale("mart") == {}, "it would still read the old view"
    built(after, "view")

    assert set(after.stale("mart")) == {FIRST, SECOND}


def test_what_is_whole_depends_on_the_code_of_a_view_and_on_what_it_reads():
    mart = model("mart", by="whole", reads=(Input("view"),))
    parts = graph(*chain()[:2], mart, raw={FIRST: "a"})
    built(parts, "view")
    built(parts, "mart")

    parts.suppose("raw", {SECOND: "a"})
    assert set(parts.stale("mart")) == {None}
    built(parts, "mart")
    parts.suppose("view", {None: "other"})
    assert set(parts.stale("mart")) == {None}


def test_a_view_of_terms_has_their_days():
    parts = graph(
        RAW,
        TERMS,
        model("view", by="change", reads=(Input("terms"),), is_view=True),
        model(reads=(Input("raw"), Input("view", as_of_day=True))),
        raw=dict.fromkeys((FIRST, SECOND, THIRD), "a"),
        terms={FIRST: "x"},
    )
    built(parts, "view")
    built(parts, "model")

    parts.suppose("terms", {SECOND: "y"})

    assert set(parts.stale("model")) == {SECOND, THIRD}


# ---- any graph -----------------------------------------------------------------------------------


@given(by_day, by_day, st.integers(0, 2))
def test_stale_is_exactly_what_is_built_from_a_changed_day(before, after, around):
    reads = (Input("raw", days_around=around),)
    wanted = graph(RAW, model(reads=reads), raw=before).wanted("model")

    stale = graph(RAW, model(reads=reads), raw=after, model=wanted).stale("model")

    changed = {day for day in before.keys() | after.keys() if before.get(day) != after.get(day)}
    touched = {
        day if day is None else day + timedelta(n)
        for day in changed
        for n in range(-around, around + 1)
    }
    assert set(stale) == touched


@given(by_day, by_change, by_change)
def test_a_day_is_stale_for_the_terms_exactly_if_others_were_known_when_it_ended(
    raw, before, after
):
    parts = (RAW, TERMS, model(reads=AS_OF))
    wanted = graph(*parts, raw=raw, terms=before).wanted("model")

    stale = graph(*parts, raw=raw, terms=after, model=wanted).stale("model")

    def known(terms, day):
        dates = [noted for noted in terms if day is None or noted <= day]
        return terms[max(dates)] if dates else None

    assert set(stale) == {day for day in raw if known(before, day) != known(after, day)}


@given(by_day, by_change, st.lists(st.tuples(st.none() | days, st.none() | versions), max_size=5))
def test_what_is_supposed_is_the_same_as_if_it_had_been_noted(raw, terms, changes):
    parts = (
        RAW,
        TERMS,
        model("view", is_view=True),
        model(reads=(Input("view", days_around=1), Input("terms", as_of_day=True))),
        model("mart", by="whole", reads=(Input("model"),)),
    )
    supposed = graph(*parts, raw=raw, terms=terms, view={None: "code"})
    supposed.stale("mart")
    noted = dict(raw)
    for day, version in changes:
        supposed.suppose("raw", {day: version})
        noted.pop(day, None)
        if version is not None:
            noted[day] = version

    fresh = graph(*parts, raw=noted, terms=terms, view={None: "code"})

    for name in ("view", "model", "mart"):
        assert supposed.stale(name) == fresh.stale(name)


@given(by_day, by_change)
def test_what_is_built_once_is_up_to_date(raw, terms):
    parts = graph(
        RAW,
        TERMS,
        model("history", by="change", reads=(Input("terms"),)),
        model("view", is_view=True, reads=(Input("raw"), Input("history"))),
        model(reads=(Input("view", days_around=1), Input("history", as_of_day=True))),
        model("mart", by="whole", reads=(Input("model"), Input("view"))),
        raw=raw,
        terms=terms,
    )
    names = ("history", "view", "model", "mart")
    for name in names:
        built(parts, name)

    assert [parts.stale(name) for name in names] == [{}, {}, {}, {}]


@given(by_day, by_day)
def test_the_version_of_a_whole_part_is_another_exactly_if_any_day_is(one, other):
    versions_are_equal = graph(RAW, raw=one).of("raw") == graph(RAW, raw=other).of("raw")

    assert versions_are_equal == (one == other)


# ---- audits ------------------------------------------------------------------------------------

AUDIT = Part("raw totals", "day", FROM_RAW, audits="raw")
MODEL_AUDIT = Part("model is unique", "whole", (Input("model"),), audits="model")


def audited():
    return graph(RAW, AUDIT, model(), MODEL_AUDIT, raw={FIRST: "a", SECOND: "a"})


def test_a_part_is_unproven_until_its_audits_and_those_of_its_inputs_have_passed():
    parts = audited()
    built(parts, "model")
    assert parts.unproven("model") == ["raw totals", "model is unique"]
    built(parts, "raw totals")
    assert parts.unproven("model") == ["model is unique"]
    built(parts, "model is unique")
    assert parts.unproven("model") == []


def test_a_part_is_unproven_again_once_its_rows_have_changed():
    parts = audited()
    for name in ("model", "raw totals", "model is unique"):
        built(parts, name)
    parts.suppose("raw", {SECOND: "b"})
    assert parts.unproven("model") == ["raw totals"]
    built(parts, "model")
    assert parts.unproven("model") == ["raw totals", "model is unique"]


def test_the_audit_of_what_is_built_from_a_part_is_nothing_to_it():
    parts = audited()
    built(parts, "raw totals")
    assert parts.unproven("raw") == []


def test_days_can_be_unproven_alone():
    parts = audited()
    parts.suppose("raw totals", {FIRST: parts.wanted("raw totals")[FIRST]})
    assert parts.unproven("raw", [FIRST]) == []
    assert parts.unproven("raw", [FIRST, SECOND]) == ["raw totals"]


def test_parts_are_found_by_name_and_come_inputs_first():
    parts = graph(RAW, model())
    assert parts["model"].inputs == FROM_RAW
    assert [part.name for part in parts] == ["raw", "model"]
