"""Which images the deployment names, and the scripts that build, try and pin them.

`make test-image` builds the image and runs a file through it; here stands what needs no root.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from adtech_assets.environment import PROJECT_DIR

DEPLOY = PROJECT_DIR / "deploy"
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
SHELLCHECK = Path(sys.executable).parent / "shellcheck"

PINNED = re.compile(r"[a-z0-9][a-z0-9./-]*:[\w.-]*\d[\w.-]*@sha256:[0-9a-f]{64}")

UNPINNED = {
    "adtech-assets": "built here",
    "registry.example.com/adtech-assets:0.1.0": "built here; the address is to be filled in",
    "docker.io/busybox:1.28": "the chart's own, whose digest nobody has looked up",
}
"""Images without a digest, and why."""


def images_of_kubernetes():
    """Whatever is called an image in the values, most of them in two parts."""

    def found(node):
        if isinstance(node, dict):
            if "repository" in node:
                yield f"{node['repository']}:{node['tag']}"
            if isinstance(node.get("image"), str):
                yield node["image"]
            for value in node.values():
                yield from found(value)
        elif isinstance(node, list):
            for value in node:
                yield from found(value)

    return set(found(yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())))


def images():
    (base,) = re.findall(r"(?m)^FROM (\S+)", (PROJECT_DIR / "Dockerfile").read_text())
    services = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text())["services"]
    return {base, *(service["image"] for service in services.values()), *images_of_kubernetes()}


def test_images_of_others_are_pinned_by_digest():
    assert {image for image in images() if not PINNED.fullmatch(image)} == set(UNPINNED)


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])
def test_scripts_can_be_run_and_shellcheck_finds_nothing(script):
    assert os.access(script, os.X_OK)
    found = subprocess.run([SHELLCHECK, script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def run(script, folder, **programs):
    """A script in a copy of what it works on, with nothing on PATH but the shell's tools and these.

    No registry is within reach of a test, so what asks one is told the answer.
    """
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    for tool in ("bash", "dirname", "grep", "sed", "sort", "id"):
        (folder / "bin" / tool).symlink_to(f"/bin/{tool}")
    (folder / "deploy").mkdir()
    (folder / "deploy" / script).write_text((DEPLOY / script).read_text())
    for name in ("Dockerfile", "docker-compose.yml"):
        (folder / name).write_text((PROJECT_DIR / name).read_text())
    return subprocess.run(
        ["/bin/bash", folder / "deploy" / script],
        env={"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_pinning_writes_the_digest_that_the_registry_has(tmp_path):
    new = "sha256:" + "0" * 64
    done = run("pin_images.sh", tmp_path, skopeo=f"echo {new}")
    assert done.returncode == 0, done.stderr
    for name in ("Dockerfile", "docker-compose.yml"):
        before, after = (PROJECT_DIR / name).read_text(), (tmp_path / name).read_text()
        assert after == re.sub(r"sha256:[0-9a-f]{64}", new, before) != before


@pytest.mark.parametrize("answer", ["exit 1", "echo not a digest"])
def test_without_an_answer_the_files_keep_their_digests(tmp_path, answer):
    done = run("pin_images.sh", tmp_path, skopeo=answer)
    assert done.returncode == 1
    assert re.fullmatch(r"No digest of .* can be had; the files keep the old one\.\n", done.stderr)
    for name in ("Dockerfile", "docker-compose.yml"):
        assert (tmp_path / name).read_text() == (PROJECT_DIR / name).read_text()


@pytest.mark.parametrize(
    ("script", "missing"), [("pin_images.sh", "skopeo or docker"), ("build_image.sh", "buildah")]
)
def test_a_script_says_in_one_line_what_is_missing(tmp_path, script, missing):
    done = run(script, tmp_path)
    assert done.returncode == 1
    if script == "build_image.sh" and os.geteuid() != 0:
        missing = "needs root"
    assert missing in done.stderr
    assert done.stderr.count("\n") == 1
