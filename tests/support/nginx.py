"""nginx's configuration for tests."""

from pathlib import Path
from typing import Final

import trustme

CONF: Final = Path(__file__).parents[2] / "deploy" / "nginx.conf"


NAME: Final = "wallets.example.com"


def write_conf(folder: Path, port: int, replicas: tuple[int, ...], certificates: trustme.CA) -> Path:
    """The file of `deploy` with this machine's addresses, and what Debian's own nginx.conf has around it."""
    certificate = certificates.issue_cert(NAME)
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    text = CONF.read_text(encoding="utf-8")
    changes = {
        "10.0.0.11:8000": f"127.0.0.1:{replicas[0]}",
        "10.0.0.12:8000": f"127.0.0.1:{replicas[1]}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        f"/etc/ssl/{NAME}.pem": str(folder / "cert.pem"),
        f"/etc/ssl/private/{NAME}.key": str(folder / "key.pem"),
    }
    for there, here in changes.items():
        assert there in text
        text = text.replace(there, here)
    around = folder / "nginx.conf"
    temporary = "".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    around.write_text(
        f"daemon off; pid {folder}/pid; worker_processes 2; events {{}}\n"
        f"http {{ access_log off; {temporary}\n{text}}}\n",
        encoding="utf-8",
    )
    return around
