"""What is released contains what it must and nothing else, and is the same bytes whenever it is built."""

import hashlib
import re
import subprocess
import tarfile
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

from juspay_mcp import VERSION
from tests.support.checkout import ROOT

NAME = f"juspay_wallets_mcp-{VERSION}"


def tracked(folder: str = ".") -> set[str]:
    """What the repository holds."""
    listed = subprocess.run(["git", "ls-files", folder], cwd=ROOT, capture_output=True, check=True, text=True)
    return set(listed.stdout.split("\n")) - {""}


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_one_commit_gives_the_same_bytes_in_another_folder_at_another_time(dist: Path, rebuilt: Path) -> None:
    assert hashes(dist) == hashes(rebuilt)
    assert sorted(hashes(dist)) == [
        f"juspay-wallets-mcp-{VERSION}.mcpb",
        f"{NAME}-py3-none-any.whl",
        f"{NAME}.tar.gz",
    ]


def test_the_wheel_holds_the_package_its_licence_and_nothing_else(dist: Path) -> None:
    with ZipFile(dist / f"{NAME}-py3-none-any.whl") as wheel:
        about = {f"{NAME}.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
        assert set(wheel.namelist()) == tracked("juspay_mcp") | about | {f"{NAME}.dist-info/licenses/LICENSE"}
        assert "juspay_mcp/py.typed" in wheel.namelist()


def test_the_sdist_is_what_the_repository_holds(dist: Path) -> None:
    with tarfile.open(dist / f"{NAME}.tar.gz") as sdist:
        names = {member.name.removeprefix(f"{NAME}/") for member in sdist.getmembers() if member.isfile()}
    assert names == tracked() | {"PKG-INFO"}


def test_the_page_at_the_index_leads_to_the_repository_at_this_version(dist: Path) -> None:
    with ZipFile(dist / f"{NAME}-py3-none-any.whl") as wheel:
        metadata = Parser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())
    urls = dict(line.split(", ") for line in metadata.get_all("Project-URL", []))
    page = str(metadata.get_payload())
    links = re.findall(r"\]\(([^)]*)\)", page)
    assert [link for link in links if not link.startswith("https://")] == []
    ours = sorted(link.removeprefix(urls["Repository"]) for link in links if link.startswith(urls["Repository"]))
    assert f"/raw/v{VERSION}/docs/card.png" in ours
    assert f"/blob/v{VERSION}/PRIVACY.md" in ours
    assert f"/blob/v{VERSION}/README.md#how-it-differs-from-juspays-own-server" in ours
    pinned = (f"/raw/v{VERSION}/docs/", f"/blob/v{VERSION}/", "/actions/")
    assert all(link.startswith(pinned) for link in ours)
    assert metadata["Description-Content-Type"] == "text/markdown"


def test_the_page_at_the_index_says_what_the_readme_says(dist: Path) -> None:
    with ZipFile(dist / f"{NAME}-py3-none-any.whl") as wheel:
        page = wheel.read(f"{NAME}.dist-info/METADATA").decode().split("\n\n", 1)[1]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.sub(r"\]\([^)]*\)", "]()", page).strip() == re.sub(r"\]\([^)]*\)", "]()", readme).strip()


def test_the_metadata_declare_each_python_and_name_the_server_for_the_registry(dist: Path) -> None:
    with ZipFile(dist / f"{NAME}-py3-none-any.whl") as wheel:
        metadata = Parser().parsestr(wheel.read(f"{NAME}.dist-info/METADATA").decode())
    assert (metadata["Version"], metadata["Requires-Python"]) == (VERSION, ">=3.11")
    declared = [line.rpartition(" ")[2] for line in metadata.get_all("Classifier", []) if ":: 3." in line]
    assert declared == ["3.11", "3.12", "3.13", "3.14"]
    assert "mcp-name: io.github.juspay-wallets-mcp/juspay-wallets-mcp -->" in metadata.get_payload()
