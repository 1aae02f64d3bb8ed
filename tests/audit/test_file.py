import errno
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

import pytest

from juspay_mcp.audit import file as logfile
from juspay_mcp.audit.file import RETRY_SECONDS, CutShort, LogFile, Stderr

if sys.platform != "win32":
    import resource
    from fcntl import LOCK_SH, LOCK_UN, flock

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="there are no limits of a process, locks of a file, devices or users of that kind"
)

no_renaming_there = pytest.mark.skipif(
    sys.platform == "win32", reason="a file can't be renamed or truncated at the moment that it is open"
)
NOBODY = 65_534
# Writes numbered lines, so many as it is told, each as soon as it can.
WRITER = """
import sys, time
from pathlib import Path
from juspay_mcp.audit.file import LogFile
file = LogFile(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    file.append(f"{sys.argv[2]} {number:06} {'x' * 300}\\n".encode(), time.monotonic() + 10)
"""
NOW = 0.0  # a deadline that has passed: nothing is waited for


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
    for line in (b"one\n", b"two\n"):
        LogFile(path).append(line, NOW)
    assert path.read_bytes() == b"one\ntwo\n"
    if sys.platform != "win32":  # where the mode says nothing, and the folder's permissions are the file's
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_renamed_file_is_left_behind_and_a_new_one_begun(tmp_path: Path) -> None:
    path, rotated = tmp_path / "log", tmp_path / "log.1"
    file = LogFile(path)
    file.append(b"one\n", NOW)
    path.rename(rotated)
    file.append(b"two\n", NOW)
    file.append(b"three\n", NOW)
    assert (rotated.read_bytes(), path.read_bytes()) == (b"one\n", b"two\nthree\n")


def test_a_truncated_file_is_written_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(path)
    file.append(b"one\n", NOW)
    os.truncate(path, 0)
    file.append(b"two\n", NOW)
    assert path.read_bytes() == b"two\n"


def test_two_processes_lose_no_line_and_mix_none(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for process in [writer(path, name, 1_000) for name in ("a", "b")]:
        assert process.wait(timeout=60) == 0
    assert sorted(path.read_text().splitlines()) == expected("a", "b", lines=1_000)


@no_renaming_there
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


@no_renaming_there
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


@posix_only
def test_a_line_that_does_not_fit_is_a_failure_and_is_closed_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(path)
    file.append(b"one\n", NOW)
    with at_most(8), pytest.raises(OSError, match="No space left"):
        file.append(b"two, which is longer\n", NOW)
    assert path.read_bytes() == b"one\ntwo,"
    with at_most(8), pytest.raises(OSError, match="File too large"):
        file.append(b"three\n", NOW)
    file.append(b"four\n", NOW)
    file.append(b"five\n", NOW)
    assert path.read_bytes() == b"one\ntwo,\nfour\nfive\n"


@posix_only
def test_a_write_of_several_lines_that_is_cut_short_says_how_much_was_written(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"torn")
    with at_most(10), pytest.raises(CutShort) as caught:
        LogFile(path).append(b"one\ntwo\n", NOW)
    assert path.read_bytes() == b"torn\none\nt"
    assert caught.value.written == len(b"one\nt")


def test_a_torn_line_of_another_process_is_ended_first(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntw")
    file = LogFile(path)
    file.append(b"three\n", NOW)
    assert path.read_bytes() == b"one\ntw\nthree\n"


@posix_only
def test_a_line_that_another_process_leaves_torn_meanwhile_is_closed_too(tmp_path: Path) -> None:
    path = tmp_path / "log"
    ours, theirs = LogFile(path), LogFile(path)
    ours.append(b"one\n", NOW)
    with at_most(8), pytest.raises(OSError, match="No space left"):
        theirs.append(b"two, which is longer\n", NOW)
    ours.append(b"three\n", NOW)
    theirs.append(b"four\n", NOW)
    assert path.read_bytes() == b"one\ntwo,\nthree\nfour\n"


@posix_only
def test_a_file_that_may_only_be_written_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so what the system says to others is said here."""
    path, real = tmp_path / "log", os.open

    def refuse_to_read(file: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_RDWR:
            raise PermissionError
        return real(file, flags, mode)

    monkeypatch.setattr(os, "open", refuse_to_read)
    file = LogFile(path)
    file.append(b"one\n", NOW)
    file.append(b"two\n", NOW)
    assert path.read_bytes() == b"one\ntwo\n"


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Path]:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(tmp_path / "socket"))
        yield tmp_path / "socket"


@posix_only
def test_only_a_regular_file_that_can_be_written_is_opened(tmp_path: Path, listening: Path) -> None:
    pipe, forbidden = tmp_path / "pipe", tmp_path / "forbidden"
    os.mkfifo(pipe)
    forbidden.touch()
    forbidden.chmod(0)
    (tmp_path / "null").symlink_to("/dev/null")
    assert failure(tmp_path) == "EISDIR"
    assert failure(tmp_path / "none" / "log") == "ENOENT"
    assert failure(forbidden / "log") == "ENOTDIR"
    assert failure(pipe) == "EINVAL"
    assert failure(listening) == "ENXIO"
    assert failure(tmp_path / "null") == failure(Path("/dev/full")) == "EINVAL"
    with unprivileged():
        assert failure(forbidden) == "EACCES"


@posix_only
def test_the_file_that_stdout_goes_to_is_refused(tmp_path: Path) -> None:
    command = "from juspay_mcp.audit.file import LogFile; from pathlib import Path; LogFile(Path('/dev/stdout'))"
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run([sys.executable, "-c", command], stdout=out, stderr=subprocess.PIPE, check=False)
    assert b"stdout carries the protocol" in done.stderr


@posix_only
def test_a_device_that_takes_the_file_s_place_later_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(path)
    path.unlink()
    path.symlink_to("/dev/null")
    with pytest.raises(OSError, match="a device"):
        file.append(b"one\n", NOW)


@posix_only
def test_a_lock_that_another_process_holds_is_waited_for_and_not_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "log"
    file = LogFile(path)
    with path.open("ab") as other:
        flock(other, LOCK_SH)
        with pytest.raises(BlockingIOError):
            file.append(b"one\n", NOW)
        with pytest.raises(BlockingIOError):
            file.check(time.monotonic() + 2 * RETRY_SECONDS)
        Timer(0.05, flock, [other, LOCK_UN]).start()
        file.append(b"two\n", time.monotonic() + 10)
    assert path.read_bytes() == b"two\n"


@posix_only
def test_a_file_system_without_locks_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is at hand, so what it would say is said here."""

    def no_locks(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "")

    monkeypatch.setattr(logfile, "flock", no_locks)
    LogFile(tmp_path / "log").append(b"one\n", NOW)
    assert (tmp_path / "log").read_bytes() == b"one\n"


def test_a_folder_that_goes_and_comes_back_costs_the_lines_between(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "log"
    path.parent.mkdir()
    file = LogFile(path)
    file.check(NOW)
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(FileNotFoundError):
        file.check(NOW)
    with pytest.raises(FileNotFoundError):
        file.append(b"one\n", NOW)
    path.parent.mkdir()
    file.check(NOW)
    file.append(b"two\n", NOW)
    assert path.read_bytes() == b"two\n"


@posix_only
@pytest.mark.skipif(sys.platform != "linux", reason="takes a file system that is never but full")
def test_it_is_not_ready_where_there_is_no_room() -> None:
    with pytest.raises(OSError, match="No space left"):
        LogFile(Path("/proc/self/comm")).check(NOW)


def test_without_a_file_lines_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    stream = Stderr()
    stream.append(b"one\n", NOW)
    stream.check(NOW)
    stream.append(b"two\n", NOW)
    assert capfd.readouterr() == ("", "one\ntwo\n")


@contextmanager
def as_stderr(descriptor: int) -> Iterator[None]:
    """Goes where stderr went, for as long as this lasts."""
    kept = os.dup(2)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@posix_only
@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_stderr_that_keeps_nothing_is_refused(device: str) -> None:
    descriptor = os.open(device, os.O_WRONLY)
    with as_stderr(descriptor), pytest.raises(OSError, match="keeps nothing"):
        Stderr()
    os.close(descriptor)


@posix_only
@pytest.mark.parametrize("blocking", [True, False])
def test_a_full_pipe_is_waited_for_and_takes_whole_lines_again_when_it_is_read(*, blocking: bool) -> None:
    reader, pipe = os.pipe()
    os.set_blocking(pipe, blocking)
    lines = []
    with as_stderr(pipe):
        stream = Stderr()
        with suppress(BlockingIOError):
            for number in range(100_000):
                stream.append(f"{number} {'x' * 300}\n".encode(), NOW)
                lines.append(number)
        with pytest.raises(BlockingIOError):
            stream.check(NOW)
        content = os.read(reader, 1 << 20)
        stream.append(b"last\n", NOW)
    content += os.read(reader, 1 << 20)
    os.close(pipe)
    os.close(reader)
    assert [int(line.split()[0]) for line in content.splitlines()[:-1]] == lines
    assert content.endswith(b"x\nlast\n")


@posix_only
def test_a_line_that_stderr_s_file_takes_in_part_is_closed_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with as_stderr(descriptor):
        stream = Stderr()
        with at_most(8), pytest.raises(OSError, match="File too large"):
            stream.append(b"one, which is longer\n", NOW)
        stream.append(b"two\n", NOW)
        stream.append(b"three\n", NOW)
    os.close(descriptor)
    assert path.read_bytes() == b"one, whi\ntwo\nthree\n"
