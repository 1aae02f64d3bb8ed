"""A container's limits without a container: what `bwrap` shuts a process into, as an orchestrator would."""

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.support.checkout import ROOT
from tests.support.programs import require


def container(
    environ: Mapping[str, str], *, uid: int, limits: Mapping[str, str], writable: Path | None = None
) -> list[str]:
    """What starts a command as process 1, in a file system that is read-only and holds Python and this package alone.

    There is no shell in it, no /tmp, no /etc, no HOME, and no name for the user. `limits` are options of prlimit.
    """
    options = [f"--{name}={value}:{value}" for name, value in limits.items()]
    seen = [word for path in sorted(set(_needed())) for word in ("--ro-bind", str(path), str(path))]
    links = [word for path in (Path("/lib"), Path("/lib64")) if path.is_symlink()
             for word in ("--symlink", str(path.readlink()), str(path))]  # fmt: skip
    written = ["--bind", str(writable), str(writable)] if writable else []
    variables = [word for name, value in environ.items() for word in ("--setenv", name, value)]
    return [
        *(require("prlimit"), *options, "--"),
        *(require("bwrap"), "--unshare-user", "--unshare-pid", "--unshare-ipc", "--as-pid-1", "--die-with-parent"),
        *("--uid", str(uid), "--gid", "0", "--cap-drop", "ALL", "--clearenv", *variables),
        *(*seen, *links, *written, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/", "--"),
    ]


def _needed() -> Iterator[Path]:
    """Folders and files of Python, of its libraries, and of this package."""
    yield from (ROOT / "juspay_mcp", Path(sys.prefix))
    # The links from the environment's Python to the real one, each of which must be there.
    python = Path(sys.executable)
    while python.is_symlink():
        python = Path(os.path.normpath(python.parent / python.readlink()))
        if not python.is_relative_to(sys.prefix):
            yield python
    if sys.base_prefix != "/usr":
        yield Path(sys.base_prefix)
    yield Path(sysconfig.get_path("stdlib"))
    yield from (
        path
        for path in map(Path, ("/lib", "/lib64", "/usr/lib", "/usr/lib64"))
        if path.is_dir() and not path.is_symlink()
    )


def process_1(pid: int) -> int:
    """The number, outside, of the process that is the first one in the container which `pid` has started."""
    [child] = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return int(child)
