"""The table of the hostile cases and their tests belong together."""

import re
from pathlib import Path

from adtech_assets_tests.hostile.cases import CASES


def test_every_case_has_a_test_of_its_number_and_every_number_a_case():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))

    numbers = {int(number) for number in re.findall(r"^def test_h([0-9]{2})_", tests, re.MULTILINE)}

    assert numbers == CASES.keys() == set(range(1, 73))
