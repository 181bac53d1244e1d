"""Disks that are full, or that nobody may write to."""

from __future__ import annotations

import subprocess

import pytest

from adtech_assets_tests.feed.deliveries import names_in


class Disk:
    """A small disk of its own, mounted on a folder."""

    def __init__(self, folder, options="size=4m"):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("no disk may be mounted here")
        self.folder = folder
        self.filler = folder / "filler"

    def fill(self):
        with self.filler.open("wb", buffering=0) as filler:
            try:
                while filler.write(bytes(4096)):
                    pass
            except OSError:
                return

    def make_room(self):
        self.filler.unlink()

    def make_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def make_writable(self):
        subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)

    def contents(self):
        return {name for name in names_in(self.folder) if name != self.filler.name}


@pytest.fixture
def mount():
    """Mounts small disks on folders, until the test is over."""
    disks = []

    def make(folder):
        disks.append(Disk(folder))
        return disks[-1]

    yield make
    for disk in disks:
        subprocess.run(["umount", "--lazy", disk.folder], check=True)
