import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from juspay_mcp.logfile import LineStream, LogFile

NOBODY = 65_534
# Writes numbered lines, so many as it is told, each as soon as it can.
WRITER = """
import sys
from pathlib import Path
from juspay_mcp.logfile import LogFile
file = LogFile(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    file.append(f"{sys.argv[2]} {number:06} {'x' * 300}".encode())
"""


def writer(path: Path, name: str, lines: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(lines)])


def expected(*names: str, lines: int) -> list[str]:
    return sorted(f"{name} {number:06} {'x' * 300}" for name in names for number in range(lines))


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """A disk on which no file grows longer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def unprivileged() -> Iterator[None]:
    """Not root's rights, to which every file is open."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def failure(path: Path) -> str:
    with pytest.raises(OSError, match="Errno") as caught:
        LogFile(path)
    return errno.errorcode[caught.value.errno or 0]


def test_lines_come_after_what_is_there_in_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for line in (b"one", b"two"):
        file = LogFile(path)
        file.append(line)
        file.close()
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_renamed_file_is_left_behind_and_a_new_one_begun(tmp_path: Path) -> None:
    path, rotated = tmp_path / "log", tmp_path / "log.1"
    file = LogFile(path)
    file.append(b"one")
    path.rename(rotated)
    file.append(b"two")
    file.append(b"three")
    assert (rotated.read_bytes(), path.read_bytes()) == (b"one\n", b"two\nthree\n")
    file.close()


def test_a_truncated_file_is_written_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(path)
    file.append(b"one")
    os.truncate(path, 0)
    file.append(b"two")
    assert path.read_bytes() == b"two\n"
    file.close()


def test_two_processes_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for process in [writer(path, name, 1_000) for name in ("a", "b")]:
        assert process.wait(timeout=60) == 0
    assert sorted(path.read_text().splitlines()) == expected("a", "b", lines=1_000)


def test_two_processes_lose_no_line_while_the_file_is_rotated_by_renaming(tmp_path: Path) -> None:
    path = tmp_path / "log"
    processes = [writer(path, name, 5_000) for name in ("a", "b")]
    rotations = 0
    while any(process.poll() is None for process in processes):
        if path.exists() and path.stat().st_size > 100_000:
            rotations += 1
            path.rename(tmp_path / f"log.{rotations}")
    assert [process.returncode for process in processes] == [0, 0]
    assert rotations > 3
    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == expected("a", "b", lines=5_000)


def test_two_processes_leave_whole_lines_and_no_hole_while_the_file_is_truncated(tmp_path: Path) -> None:
    """What is written between the copy and the truncation is lost; a copy may end within a line that comes in."""
    path = tmp_path / "log"
    processes = [writer(path, name, 5_000) for name in ("a", "b")]
    copies = []
    while any(process.poll() is None for process in processes):
        if path.exists() and path.stat().st_size > 100_000:
            copies.append(path.read_bytes().rpartition(b"\n")[0] + b"\n")
            os.truncate(path, 0)
    lines = b"".join([*copies, path.read_bytes()]).decode().splitlines()
    assert len(copies) > 3
    assert set(lines) <= set(expected("a", "b", lines=5_000))


def test_a_line_that_does_not_fit_is_a_failure_and_is_closed_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(path)
    file.append(b"one")
    with at_most(8), pytest.raises(OSError, match="No space left"):
        file.append(b"two, which is longer")
    assert path.read_bytes() == b"one\ntwo,"
    with at_most(8), pytest.raises(OSError, match="File too large"):
        file.append(b"three")
    file.append(b"four")
    file.append(b"five")
    assert path.read_bytes() == b"one\ntwo,\nfour\nfive\n"
    file.close()


def test_a_line_that_somebody_else_left_torn_is_closed_first(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    file = LogFile(path)
    file.append(b"three")
    assert path.read_bytes() == b"one\ntw\nthree\n"
    file.close()


def test_a_line_that_another_process_leaves_torn_meanwhile_is_closed_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    ours, theirs = LogFile(path), LogFile(path)
    ours.append(b"one")
    with at_most(8), pytest.raises(OSError, match="No space left"):
        theirs.append(b"two, which is longer")
    ours.append(b"three")
    theirs.append(b"four")
    assert path.read_bytes() == b"one\ntwo,\nthree\nfour\n"
    ours.close()
    theirs.close()


def test_a_file_that_may_only_be_written_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so what the system says to others is said here."""
    path, real = tmp_path / "log", os.open

    def refuse_to_read(file: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise PermissionError
        return real(file, flags, mode)

    monkeypatch.setattr(os, "open", refuse_to_read)
    file = LogFile(path)
    file.append(b"one")
    file.append(b"two")
    assert path.read_bytes() == b"one\ntwo\n"
    file.close()


def test_a_full_disk_is_a_failure_of_the_line_and_not_of_the_start() -> None:
    file = LogFile(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        file.append(b"one")
    file.close()


def test_what_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    pipe, forbidden = tmp_path / "pipe", tmp_path / "forbidden"
    os.mkfifo(pipe)
    forbidden.touch()
    forbidden.chmod(0)
    assert failure(tmp_path) == "EISDIR"
    assert failure(tmp_path / "none" / "log") == "ENOENT"
    assert failure(forbidden / "log") == "ENOTDIR"
    assert failure(pipe) == "ENXIO"
    assert failure(Path("/dev/stdout")) == "EINVAL"
    with unprivileged():
        assert failure(forbidden) == "EACCES"


def test_a_folder_that_goes_and_comes_back_costs_the_lines_between(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    file = LogFile(path)
    assert file.ready()
    path.unlink()
    path.parent.rmdir()
    assert not file.ready()
    with pytest.raises(FileNotFoundError):
        file.append(b"one")
    path.parent.mkdir()
    assert file.ready()
    file.append(b"two")
    assert path.read_bytes() == b"two\n"
    file.close()


@pytest.mark.skipif(sys.platform != "linux", reason="takes a file system that is never but full")
def test_it_is_not_ready_where_there_is_no_room() -> None:
    file = LogFile(Path("/proc/self/comm"))
    assert not file.ready()
    file.close()


def test_without_a_file_lines_go_to_stderr_which_stays_open(capfd: pytest.CaptureFixture[str]) -> None:
    stream = LineStream()
    stream.append(b"one")
    assert stream.ready()
    stream.close()
    stream.append(b"two")
    assert capfd.readouterr() == ("", "one\ntwo\n")
