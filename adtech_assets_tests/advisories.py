"""The audit of the dependencies: `make audit`, with what a closed network leaves of it.

Offline: every requirement of the lock files has one version and its hashes, no lock file names an
index, and what is installed is what is locked. Online, besides: the advisories that are known for
these versions. Where the advisory service does not answer, or does not know a version, that is
said, and is no failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.utils import canonicalize_name

from adtech_assets.environment import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCKS = ("requirements.lock", "requirements-image.lock", "requirements-dev.lock")
NOT_LOCKED = {"adtech-assets", "pip", "uv"}
"""The project itself, and what installs the rest."""

REQUIREMENT = re.compile(
    r"(?P<name>[\w.-]+)(\[[\w,.-]+\])?==(?P<version>[^\s;\\]+)(\s*;\s*(?P<marker>[^\\]+))?"
)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def requirements(lock: str) -> Iterator[str]:
    """Each requirement of a lock file in a line of its own, with its hashes."""
    for line in lock.replace("\\\n", " ").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def problems_of(lock: str) -> list[str]:
    """What is wrong with the text of a lock file."""
    return [
        f"not one version with its hashes: {line.split('--hash')[0].strip()}"
        for line in requirements(lock)
        if not REQUIREMENT.match(line) or not HASH.search(line) or "://" in line
    ]


def locked(lock: str) -> dict[str, str]:
    """Versions by name, of the packages that this machine and Python need."""
    versions: dict[str, str] = {}
    for line in requirements(lock):
        found = REQUIREMENT.match(line.split("--hash")[0].strip())
        if found and (found["marker"] is None or Marker(found["marker"].strip()).evaluate()):
            versions[canonicalize_name(found["name"])] = found["version"]
    return versions


def differences(lock: str) -> list[str]:
    """Packages that are installed in another version than locked, or without being locked."""
    wanted = locked(lock)
    installed = {canonicalize_name(found.name): found.version for found in distributions()}
    return [
        f"{name}: {version} is installed, {wanted.get(name, 'nothing')} is locked"
        for name, version in sorted(installed.items())
        if name not in NOT_LOCKED and wanted.get(name) != version
    ]


def advisories(lock: Path) -> tuple[list[str], int, int]:
    """Known vulnerabilities; how many packages were looked up, and how many could not be."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--require-hashes"),
            *("--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "10"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if not done.stdout.strip():
        return [], 0, len(locked(lock.read_text()))
    packages = json.loads(done.stdout)["dependencies"]
    skipped = [package for package in packages if "skip_reason" in package]
    found = [
        f"{package['name']} {package['version']}: {advisory['id']}, "
        f"fixed in {', '.join(advisory['fix_versions']) or 'no version'}"
        for package in packages
        for advisory in package.get("vulns", [])
    ]
    return found, len(packages) - len(skipped), len(skipped)


def main() -> None:
    """Print what was found; exit with 1 if anything was."""
    found = []
    for name in LOCKS:
        found += [f"{name}: {problem}" for problem in problems_of((PROJECT_DIR / name).read_text())]
    found += differences((PROJECT_DIR / LOCKS[-1]).read_text())
    say(f"{', '.join(LOCKS)}: versions, hashes and installed packages compared.")
    vulnerable, known, unknown = advisories(PROJECT_DIR / LOCKS[0])
    say(f"Advisories looked up for {known} packages; {unknown} could not be looked up from here.")
    for line in found + vulnerable:
        say(line)
    sys.exit(1 if found or vulnerable else 0)


def say(line: str) -> None:
    """Print a line."""
    print(line)  # noqa: T201


if __name__ == "__main__":
    main()
