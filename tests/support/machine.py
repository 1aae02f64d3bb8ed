"""A machine of one's own for a page's commands: real programs as root, on a network of their own, with room to write.

It is `bwrap`'s. What can't run in it has a stand-in: there is no network to install from, and no systemd; a small one
starts units as they say, with their variables and credentials.
"""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.checkout import ROOT
from tests.support.processes import COMMAND
from tests.support.programs import require

_COPIED: Final = (
    "nginx",
    "passwd",
    "group",
    "ld.so.cache",
    "ssl/openssl.cnf",
    "ssl/certs",
    "alternatives",
    "mime.types",
)
_REDIS: Final = 'bind 127.0.0.1\nport 6379\nsave ""\ndir /run\ndaemonize yes\n'

_SHIMS: Final[Mapping[str, str]] = {
    # What would be cloned is what is tested.
    "git": 'mkdir juspay-wallets-mcp && cp -r "$SOURCE"/{deploy,docs,constraints.txt} juspay-wallets-mcp',
    # `python3 -m venv FOLDER`, whose pip has nothing to install: the command is the one that is tested.
    "python3": '[ "$1 $2" = "-m venv" ]; mkdir -p "$3/bin"; ln -s "$COMMAND" "$3/bin/"; ln -s /bin/true "$3/bin/pip"',
    # Keeps what would be applied.
    "kubectl": '[[ "$*" != *"--filename -" ]] || cat >/run/applied.yaml',
    "systemctl": 'exec "$PYTHON" "$SHIMS/systemctl.py" "$@"',
}

_SYSTEMCTL: Final = r'''
"""Starts and restarts the units of one template, and nginx."""
import os, re, shlex, signal, subprocess, sys, time
from pathlib import Path

def parsed(text, known):
    for line in text.splitlines():
        name, _, value = line.partition("=")
        if name in known:
            known[name] = [*known[name], value] if value else []

def start(unit):
    instance = unit.partition("@")[2]
    folder = Path("/etc/systemd/system")
    files = [folder / "juspay-wallets-mcp@.service", *sorted((folder / f"{unit}.service.d").glob("*.conf"))]
    known = {name: [] for name in ("ExecStart", "ExecStartPost", "Environment", "EnvironmentFile", "LoadCredential")}
    for file in files:
        parsed(file.read_text(), known)
    credentials = Path("/run/credentials") / unit
    credentials.mkdir(parents=True, exist_ok=True)
    given = dict(each.split(":", 1) for each in known["LoadCredential"])
    for name, path in given.items():
        (credentials / name).write_bytes(Path(path).read_bytes())
    settings = list(known["Environment"])
    for file in known["EnvironmentFile"]:
        settings += Path(file.removeprefix("-")).read_text().split()
    expand = lambda text: text.replace("%i", instance).replace("%d", str(credentials))
    environ = dict(expand(each).split("=", 1) for each in settings)
    log = open(f"/run/{unit}.log", "ab")
    [command] = known["ExecStart"]
    ends = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
    process = subprocess.Popen(shlex.split(expand(command)), env=environ, **ends)
    Path(f"/run/{unit}.pid").write_text(str(process.pid))
    [check] = known["ExecStartPost"]
    if subprocess.run(shlex.split(expand(check))).returncode:
        sys.exit(Path(f"/run/{unit}.log").read_text())

def stop(unit):
    pid = int(Path(f"/run/{unit}.pid").read_text())
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        time.sleep(0.05)

verb, *units = sys.argv[1:]
for unit in units:
    if unit == "nginx":
        subprocess.run(["nginx"], check=True)
    elif unit.startswith("-"):
        continue
    else:
        if verb == "restart":
            stop(unit)
        start(unit)
'''


def machine(folder: Path) -> list[str]:
    """What starts a command on such a machine, in an empty folder; it writes to `folder` and to memory."""
    etc, shims = folder / "etc", folder / "shims"
    for name in _COPIED:
        source, target = Path("/etc") / name, etc / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True)
        elif source.exists():
            shutil.copy(source, target)
    for made in ("systemd/system", "ssl/private", "redis"):
        (etc / made).mkdir(parents=True, exist_ok=True)
    (etc / "hosts").write_text("127.0.0.1 localhost\n", encoding="ascii")
    (etc / "redis" / "redis.conf").write_text(_REDIS, encoding="ascii")
    conf = etc / "nginx" / "nginx.conf"
    # In a namespace of one user there is no other to change to.
    conf.write_text(conf.read_text(encoding="utf-8").replace("user www-data;", "user root root;"), encoding="utf-8")
    shims.mkdir()
    for name, script in _SHIMS.items():
        (shims / name).write_text(f"#!/bin/bash\nset -e\n{script}\n", encoding="utf-8")
        (shims / name).chmod(0o755)
    (shims / "systemctl.py").write_text(_SYSTEMCTL, encoding="utf-8")
    variables = {
        "PATH": "/srv/shims:/usr/sbin:/usr/bin:/sbin:/bin",
        "SOURCE": str(ROOT),
        "COMMAND": COMMAND[0],
        "PYTHON": sys.executable,
        "SHIMS": "/srv/shims",
    }
    return [
        *(require("bwrap"), "--unshare-all", "--uid", "0", "--gid", "0", "--cap-add", "ALL"),
        *("--die-with-parent", "--clearenv"),
        *(word for name, value in variables.items() for word in ("--setenv", name, value)),
        *("--ro-bind", "/", "/", "--bind", str(etc), "/etc", "--proc", "/proc", "--dev", "/dev"),
        *(
            word
            for path in ("/opt", "/run", "/srv", "/tmp", "/var/log", "/var/lib", "/mnt")  # noqa: S108 - its own
            for word in ("--tmpfs", path)
        ),
        # The checkout and its Python may lie in one of these.
        *(
            word
            for path in dict.fromkeys((str(ROOT), sys.prefix, sys.base_prefix))
            for word in ("--ro-bind", path, path)
        ),
        *("--dir", "/var/log/nginx", "--dir", "/var/log/juspay-wallets-mcp", "--dir", "/var/lib/nginx"),
        *("--ro-bind", str(shims), "/srv/shims"),
        *("--chdir", "/mnt", "--"),
    ]
