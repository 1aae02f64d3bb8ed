"""What is released, built from the commit that is checked out, as a release builds it."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.checkout import BIN, ROOT


def clone(folder: Path) -> Path:
    """A fresh copy of the commit."""
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    return folder


def build(folder: Path, umask: int) -> Path:
    """The folder of what one build leaves: sdist, wheel and bundle."""
    environ = os.environ | {"BIN": str(BIN)}
    subprocess.run(["bash", "scripts/build", "dist"], cwd=folder, check=True, env=environ, umask=umask)
    return folder / "dist"


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was built in one folder."""
    return build(clone(tmp_path_factory.mktemp("one") / "checkout"), 0o022)


@pytest.fixture(scope="session")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was built in another, by someone whose files nobody else may read, some of them dated otherwise."""
    folder = clone(tmp_path_factory.mktemp("another") / "elsewhere")
    for number, path in enumerate(sorted(folder.glob("juspay_mcp/**/*.py"))):
        os.utime(path, (1_000_000_000 + number, 1_000_000_000 + number))
    return build(folder, 0o077)
