"""Files that appear whole or not at all."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adtech_assets import files

OTHER_FILE_SYSTEM = Path("/dev/shm")  # noqa: S108
LONG_NAME = "x" * 255


@pytest.fixture(
    params=[
        "the same",
        pytest.param(
            "another",
            marks=pytest.mark.skipif(
                not OTHER_FILE_SYSTEM.is_dir(), reason="no second file system to move files to"
            ),
        ),
    ]
)
def target(request, tmp_path):
    """A place to move to, on the same file system and on another."""
    if request.param == "the same":
        yield tmp_path / "below" / "target"
        return
    path = OTHER_FILE_SYSTEM / f"adtech_{os.getpid()}" / "target"
    yield path
    shutil.rmtree(path.parent)


def test_content_appears_under_its_name(tmp_path):
    with files.written_whole(tmp_path / "new" / "file") as partial:
        partial.write_text("content")

    assert (tmp_path / "new" / "file").read_text() == "content"


def test_nothing_appears_before_the_end(tmp_path):
    with files.written_whole(tmp_path / "file") as partial:
        partial.write_text("half")

        assert not (tmp_path / "file").exists()
        assert partial.name == ".file.partial"


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")

    def fill_the_disk():
        with files.written_whole(path) as partial:
            partial.write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fill_the_disk()

    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_what_a_kill_left_is_written_over(tmp_path):
    (tmp_path / ".file.partial").write_text("something longer than the content")

    with files.written_whole(tmp_path / "file") as partial:
        partial.write_text("content")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "content"


def test_of_two_that_write_a_file_at_once_one_waits_for_the_other(tmp_path):
    path, begun, goes_on = tmp_path / "file", threading.Event(), threading.Event()

    def write(content, wait):
        with files.written_whole(path) as partial:
            if wait:
                begun.set()
                goes_on.wait(20)
            partial.write_text(content)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(write, "first, and longer", wait=True)
        begun.wait(20)
        second = pool.submit(write, "second", wait=False)
        with pytest.raises(TimeoutError):
            second.result(0.3)
        goes_on.set()
        first.result(20)
        second.result(20)

    assert path.read_text() == "second"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("name", [LONG_NAME, "\N{GRINNING FACE}" * 63])
def test_any_name_that_a_file_may_have_can_be_written(tmp_path, name):
    with files.written_whole(tmp_path / name) as partial:
        partial.write_text("content")

        assert partial.name.startswith(".")

    assert (tmp_path / name).read_text() == "content"


def test_a_moved_file_is_whole_at_its_new_place_only(tmp_path, target):
    (tmp_path / "file").write_text("content")

    files.move(tmp_path / "file", target)

    assert target.read_text() == "content"
    assert [path.name for path in target.parent.iterdir()] == ["target"]
    assert not (tmp_path / "file").exists()


def test_a_moved_file_keeps_its_time(tmp_path, target):
    (tmp_path / "file").touch()
    os.utime(tmp_path / "file", (1, 1))

    files.move(tmp_path / "file", target)

    assert target.stat().st_mtime == 1


def test_a_file_that_is_not_there_cannot_be_moved(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.move(tmp_path / "file", tmp_path / "target")


def test_the_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")

    assert files.sha256(tmp_path / "file") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
