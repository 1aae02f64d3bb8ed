"""The commands of docs/deploy.md, all of them in their order, as a new user runs them: from an empty folder."""

import re
import subprocess
from pathlib import Path
from typing import Final

from tests.support.machine import machine
from tests.support.programs import require

PAGE: Final = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
ELSEWHERE: Final = ("docker ", "gh ", "--allow-unauthenticated")
"""Of blocks that need what isn't on this machine, or that serve until they are stopped."""
CHOSEN: Final = {"name=wallets.example.com": "name=desk.test", "merchant=acme": "merchant=shop"}
"""What a user writes in the placeholders' place."""
LIST: Final = """curl --fail --silent --show-error --output /dev/null --header 'Content-Type: application/json' \\
  --header 'Host: zenith.example.com' --data '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' """
AFTERWARDS: Final = f"""
echo "check ended with $checked"
{LIST} --header "Authorization: Bearer $token" http://127.0.0.1:8011/mcp || echo "another merchant's token: $?"
{LIST} --header "Authorization: Bearer $(grep -o 'jwm_.*' <<<"$new")" http://127.0.0.1:8012/mcp && echo "its own: 0"
find /etc/juspay-wallets-mcp -type f -printf '%m %P\\n' | sort
! grep -rE 'wallets\\.example\\.com|[= ]acme' /etc/systemd/system /etc/nginx/conf.d /run/applied.yaml
"""


def script() -> str:
    """The page as one script, which ends at the first command that fails."""
    parts = ["set -euo pipefail", "redis-server /etc/redis/redis.conf >/dev/null"]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL):
        if "juspay-wallets-mcp check" in block:
            parts.append(f"{{\n{block}}} || checked=$?")
        elif not any(each in block for each in ELSEWHERE):
            parts.append(block)
    text = "\n".join([*parts, AFTERWARDS])
    for placeholder, chosen in CHOSEN.items():
        assert text.count(placeholder) == 1
        text = text.replace(placeholder, chosen)
    return text


def test_the_pages_commands_lead_from_an_empty_folder_to_servers_of_two_merchants_that_answer(tmp_path: Path) -> None:
    for program in ("curl", "nginx", "openssl", "redis-server", "systemd-analyze"):
        require(program)
    done = subprocess.run(
        [*machine(tmp_path), "bash", "-c", script()],
        input="key-of-the-shop-0123456789\nkey-of-zenith-0123456789\n",
        capture_output=True,
        check=False,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"name":"refresh_customer_wallets"' in done.stdout
    assert re.search(r"^ok +redis +Calls are counted in it\.$", done.stdout, re.MULTILINE)
    # Nothing of Juspay is on this machine: that is all that `check` finds wrong.
    assert "1 of 8 checks failed: host." in done.stdout
    assert done.stdout.partition("check ended with")[2].splitlines() == [
        " 69",
        "another merchant's token: 22",
        "its own: 0",
        "600 api_key",
        "600 audit_key",
        "600 environment",
        "600 zenith/api_key",
        "600 zenith/audit_key",
        "600 zenith/environment",
        "644 tokens",
        "644 zenith/tokens",
    ]
