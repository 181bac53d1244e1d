"""Each condition is told once on each channel, and once that it is gone."""

import pytest

from adtech_assets.alerts.memory import FORGOTTEN_SECONDS, MOST_LINES, Alert, Memory
from adtech_assets.audit.conditions import Condition

HOUR = 3600.0


def quarantined(name):
    return Alert(Condition("file in quarantine", f"{name}: no parquet"), name)


def failed_run(line="it broke", patience=0.0):
    return Alert(Condition("failed run", line), "2022-05-26", patience, "http://ui/runs/1")


class Watch:
    """Looks that are told on channels, each by a process of its own."""

    def __init__(self, *channels):
        self.channels = channels
        self.cursor = None
        self.now = 1_000_000.0

    def look(self, *standing, after=60.0, dead=(), unknown=()):
        """What each channel is told, as title and body; None if nothing."""
        self.now += after
        memory = Memory.from_cursor(self.cursor)
        memory.look(standing, self.channels, self.now, unknown)
        told = {}
        for channel in self.channels:
            message = memory.message(channel)
            if message and channel not in dead:
                memory.delivered(channel, message)
            told[channel] = message and channel not in dead and (message.title, message.body)
        self.cursor = memory.to_cursor()
        return told if len(told) > 1 else told[self.channels[0]]


@pytest.fixture
def watch():
    return Watch("1 slack")


def test_a_condition_is_told_once_and_once_that_it_is_gone(watch):
    assert watch.look(quarantined("a")) == (
        "adtech: 1 file in quarantine",
        "file in quarantine: a: no parquet",
    )
    assert not watch.look(quarantined("a"))
    assert watch.look() == (
        "adtech: resolved: 1 file in quarantine",
        "resolved: file in quarantine: a: no parquet",
    )
    assert not watch.look()


def test_what_has_come_and_what_has_gone_is_one_message(watch):
    watch.look(quarantined("a"))
    title, body = watch.look(quarantined("b"), failed_run())
    assert title == "adtech: 1 file in quarantine, 1 failed run; resolved: 1 file in quarantine"
    assert body.split("\n\n") == [
        "file in quarantine: b: no parquet",
        "failed run: it broke http://ui/runs/1",
        "resolved: file in quarantine: a: no parquet",
    ]


def test_it_is_told_again_only_if_it_had_gone(watch):
    watch.look(failed_run("it broke"))
    assert not watch.look(failed_run("it broke in another way"))
    watch.look()
    assert watch.look(failed_run())


def test_what_passes_by_itself_is_never_told(watch):
    assert not watch.look(failed_run(patience=HOUR))
    assert not watch.look(failed_run(patience=HOUR))
    assert not watch.look()
    assert not watch.look(failed_run(patience=HOUR), after=HOUR)


def test_what_does_not_pass_is_told_when_its_time_is_over(watch):
    watch.look(failed_run(patience=HOUR))
    assert not watch.look(failed_run(patience=HOUR), after=HOUR - 1)
    assert watch.look(failed_run(patience=HOUR), after=1)


def test_while_it_cannot_be_known_it_neither_comes_nor_goes(watch):
    watch.look(quarantined("a"))
    assert not watch.look(unknown=["file in quarantine"])
    assert not watch.look(quarantined("a"))


def test_a_dead_channel_is_told_later_and_the_others_once():
    watch = Watch("1 slack", "2 mailto")
    assert watch.look(quarantined("a"), dead=["2 mailto"])["1 slack"]
    told = watch.look(quarantined("a"))
    assert told["1 slack"] is None
    assert told["2 mailto"][0] == "adtech: 1 file in quarantine"


def test_a_channel_that_was_dead_meanwhile_hears_of_nothing_that_is_over():
    watch = Watch("1 slack", "2 mailto")
    watch.look(quarantined("a"), dead=["2 mailto"])
    told = watch.look()
    assert told["1 slack"][0] == "adtech: resolved: 1 file in quarantine"
    assert told["2 mailto"] is None


def test_a_new_channel_is_told_what_stands():
    watch = Watch("1 slack")
    watch.look(quarantined("a"))
    watch.channels = ("1 slack", "2 mailto")
    told = watch.look(quarantined("a"))
    assert (told["1 slack"], told["2 mailto"][0]) == (None, "adtech: 1 file in quarantine")


def test_many_are_one_message_that_names_some(watch):
    title, body = watch.look(*(quarantined(str(number)) for number in range(25)))
    assert title == "adtech: 25 files in quarantine"
    assert len(body.split("\n\n")) == MOST_LINES + 1
    assert body.endswith("and 15 more: adtech status")


def test_what_nobody_has_seen_to_for_a_month_goes_without_a_word(watch):
    watch.look(failed_run())
    assert not watch.look(after=FORGOTTEN_SECONDS + 1)
    assert not watch.look()


def test_the_memory_does_not_grow_with_time(watch):
    for number in range(100):
        watch.look(quarantined(str(number)))
    watch.look()
    watch.look()
    assert watch.cursor == '{"since": {}, "told": {"1 slack": {}}, "digests": {}}'
