"""Documents say what the code does."""

import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests.documents import documents

DOCUMENTS = documents()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_the_code_knows_is_as_it_is_written(path):
    written = path.read_text(encoding="utf-8")
    assert written == DOCUMENTS[path], f"make documents; {path.relative_to(PROJECT_DIR)} is old"
