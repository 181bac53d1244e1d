"""A feed file: what is wrong with it is told in one line that says where."""

import pytest

from adtech_assets.contract import SAMPLE_FEED, load
from adtech_assets.errors import UserError

SAMPLE = SAMPLE_FEED.read_text(encoding="utf-8")

MISTAKES = {
    "no YAML": ("kinds: [1", "line 1: expected ',' or ']'"),
    "nothing": ("", "must have kinds, hour and columns"),
    "a list": ("- kinds", "must have kinds, hour and columns"),
    "no kinds": (SAMPLE.replace("kinds:", "sorts:"), "kinds: is missing"),
    "half of the kinds": (SAMPLE.replace("  clicks:", "  klicks:"), "kinds.klicks: "),
    "no pattern": (SAMPLE.replace("files:", "file:"), "kinds.impressions.files: is missing"),
    "a hidden pattern": (SAMPLE.replace('"clicks*', '".clicks*'), "kinds.clicks.files: must be"),
    "a pattern outside": (SAMPLE.replace('"clicks*', '"../clicks*'), "kinds.clicks.files: must be"),
    "an hour without a group": (SAMPLE.replace("<hour>", "<h>"), "hour: needs the named group"),
    "an hour that is no pattern": (
        SAMPLE.replace("(?P<hour>", "((?P<hour>"),
        "hour: is no regular",
    ),
    "offsets without a group": (SAMPLE.replace("<last>", "<l>"), "offsets: needs the named group"),
    "an unknown zone": (
        SAMPLE.replace("Europe/Copenhagen", "Mars"),
        "timezone: is not a time zone",
    ),
    "an unknown type": (SAMPLE.replace("type: integer", "type: int"), "columns.campaign_id.type: "),
    "a type without its unit": (
        SAMPLE.replace("unit: ms", ""),
        "columns.creation_time: type epoch",
    ),
    "a column without a path": (
        SAMPLE.replace("path: banner.campaign_id", "where: banner.campaign_id"),
        "columns.campaign_id.path: is missing",
    ),
    "a column twice": (
        SAMPLE + "  is_fraud: {path: x, type: boolean}\n",
        "is_fraud is there twice",
    ),
    "a column of ours": (SAMPLE.replace("is_fraud:", "file_id:"), "columns: file_id cannot be"),
    "a core column of another type": (
        SAMPLE.replace("type: boolean", "type: string"),
        "columns: is_fraud must be of type boolean",
    ),
    "an amount that is none": (
        SAMPLE.replace("type: decimal", "type: integer", 1),
        "columns: media_cost must be of type decimal",
    ),
    "a column of the wrong events": (
        SAMPLE.replace("kind: impressions", "kind: clicks", 1),
        "columns: media_cost is a column of impressions",
    ),
    "a price of a thousand of what has no price": (
        SAMPLE + "  clicks_of: {path: x, type: integer, per: mille}\n",
        "columns.clicks_of: type integer is no amount",
    ),
    "a price of what nobody knows": (
        SAMPLE.replace("type: decimal", "type: decimal\n    per: dozen", 1),
        "columns.media_cost.per: ",
    ),
    "no user agent": (
        SAMPLE.replace("  user_agent:", "  agent:"),
        "columns: user_agent is missing",
    ),
    "a key that nobody knows": (SAMPLE + "colour: red\n", "colour: is nothing that a feed file"),
    "keys that are no text": ("1: 2", "its keys must be text"),
    "a key that is a list": ("? [a]\n: b", "line 1: found unhashable key"),
    "an unknown table": (SAMPLE + "operational: {orders: {}}\n", "operational.orders: is nothing"),
    "an unknown column of a table": (
        SAMPLE + "operational: {campaign: {columns: {ident: nr}}}\n",
        "campaign.columns.ident is none of id, name",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_in_one_line(tmp_path, mistake):
    text, told = MISTAKES[mistake]
    file = tmp_path / "feed.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(UserError) as raised:
        load(file)

    assert str(raised.value).startswith(f"The feed file {file}")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match="cannot be read: No such file"):
        load(tmp_path / "feed.yaml")


@pytest.mark.parametrize(
    ("pattern", "taken", "ignored"),
    [
        (
            "imp-*.parquet",
            ["imp-.parquet", "imp-a b.parquet"],
            ["a/imp-1.parquet", ".imp-.parquet"],
        ),
        ("**/imp-?.gz", ["imp-1.gz", "a/b/imp-1.gz"], ["a/.b/imp-1.gz", "imp-12.gz", "imp-/.gz"]),
        (
            "a/*/imp-[0-9].p",
            ["a/b/imp-1.p"],
            ["a/imp-1.p", "a/b/c/imp-1.p", "a/b/imp-x.p", "a/.b/imp-1.p"],
        ),
        ("imp[!a-c].p", ["impd.p"], ["impb.p", "imp/.p", "imp.p"]),
        ("imp+(1).p", ["imp+(1).p"], ["impp1.p"]),
    ],
)
def test_a_pattern_matches_as_a_shell_does(tmp_path, pattern, taken, ignored):
    file = tmp_path / "feed.yaml"
    file.write_text(SAMPLE.replace('"impressions*.parquet"', f"'{pattern}'"), encoding="utf-8")
    matches = load(file).kind_pattern.fullmatch

    assert [name for name in taken if not matches(name)] == []
    assert [name for name in ignored if matches(name)] == []
