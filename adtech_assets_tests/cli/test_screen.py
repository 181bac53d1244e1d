"""How commands print."""

import json
from decimal import Decimal

import pytest

from adtech_assets.cli.screen import print_rows, shown

NOTHING_TO_12_PLACES = Decimal("0E-12")


def test_a_decimal_stands_in_a_table_with_all_its_places():
    assert shown(NOTHING_TO_12_PLACES) == "0.000000000000"


@pytest.mark.parametrize("output", ["csv", "json"])
def test_a_script_gets_a_decimal_with_all_its_places(capsys, output):
    print_rows(["cost"], [[NOTHING_TO_12_PLACES]], output)

    assert "0.000000000000" in capsys.readouterr().out


def test_json_has_decimals_as_text_so_that_none_is_rounded(capsys):
    cost = "12345678901234567890.123456789012"

    print_rows(["cost"], [[Decimal(cost)]], "json")

    assert json.loads(capsys.readouterr().out) == [{"cost": cost}]
