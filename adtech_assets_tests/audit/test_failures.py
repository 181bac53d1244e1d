"""Days whose load failed."""

from adtech_assets.audit import failures
from adtech_assets_tests.feed.deliveries import DAY, NEXT_DAY, days


def test_a_failure_is_remembered_for_each_day(settings):
    failures.note(settings, days(DAY, NEXT_DAY), run_id="1", step="load", error="no disk")

    noted = failures.noted(settings)

    assert {day: (failure.step, failure.error) for day, failure in noted.items()} == {
        DAY: ("load", "no disk"),
        NEXT_DAY: ("load", "no disk"),
    }


def test_the_last_failure_counts(settings):
    for error in ("first", "second"):
        failures.note(settings, days(), run_id="1", step="load", error=error)

    assert failures.noted(settings)[DAY].error == "second"


def test_a_loaded_day_is_forgotten(settings):
    failures.note(settings, days(DAY, NEXT_DAY), run_id="1", step="load", error="no disk")

    failures.clear(settings, days())

    assert list(failures.noted(settings)) == [NEXT_DAY]


def test_nothing_has_failed_at_first(settings):
    failures.clear(settings, days())

    assert failures.noted(settings) == {}
