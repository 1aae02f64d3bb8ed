"""What `docs/deploy.md` and the files in `deploy` say is so: parsed, run where they can be, compared."""

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import click
import kubernetes_validate
import pytest
import trustme
import yaml
from pydantic import SecretStr

import juspay_mcp
from juspay_mcp.cli.commands import cli
from juspay_mcp.errors import RateLimited
from juspay_mcp.http.auth.jwks import KEPT, PAUSE
from juspay_mcp.service.redis_rate_limit import PATIENCE, open_shared_limiter
from juspay_mcp.settings.load import BASE_URLS, load_settings
from juspay_mcp.settings.variables import BY_NAME, VARIABLES
from tests.support.checkout import ROOT
from tests.support.commands import posix_only
from tests.support.nginx import write_conf
from tests.support.programs import Redis, free_port, require
from tests.support.serving import started, until_healthy

DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
UNIT = DEPLOY / "juspay-wallets-mcp@.service"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
FILES = {path.name: path.read_text(encoding="utf-8") for path in (*DEPLOY.iterdir(), ROOT / "docs" / "deploy.md")}
SECRETS = "/run/secrets/juspay-wallets-mcp"
BUDGET = float(BY_NAME["JUSPAY_TIMEOUT_SECONDS"].default or 0)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def shell_words(line: str) -> Iterator[str]:
    """The words of a line that uses our command, up to where the shell does something else with its output."""
    if not re.search("docker|gh |kubectl|ghcr|install |git clone|cd |systemd-analyze", line):
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        yield from itertools.takewhile(
            lambda word: word not in {")", "|", "&&"}, (w for w in words if w not in {"(", "new=$"})
        )


def command_lines() -> Iterator[list[str]]:
    """Every use of the command in the page and the files, as a list of words."""
    shell = "\n".join([*blocks("sh"), *re.findall(r"`(juspay-wallets-mcp [^`]+)`", PAGE), FILES[UNIT.name]])
    for line in shell.splitlines():
        words = list(shell_words(line)) if re.search(r"juspay-wallets-mcp(?=[ `])", line) else []
        starts = [number for number, word in enumerate(words) if word.rpartition("/")[2] == "juspay-wallets-mcp"]
        if starts and words[starts[0] + 1 :]:
            yield words[starts[0] + 1 :]
    yield json.loads(DOCKERFILE.rpartition("\nCMD ")[2])
    yield container()["args"]


def manifests(name: str) -> dict[str, Any]:
    """The documents of a YAML file, by their kind."""
    return {each["kind"]: each for each in yaml.safe_load_all(FILES[name])}


def container() -> Any:
    [only] = manifests("kubernetes.yaml")["Deployment"]["spec"]["template"]["spec"]["containers"]
    return only


def test_the_readme_leads_here_and_every_link_leads_somewhere() -> None:
    assert "(docs/deploy.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(\.\./([^)]+)\)", PAGE))
    assert linked == {"deploy", *(f"deploy/{path.name}" for path in DEPLOY.iterdir())}
    assert all((ROOT / target).exists() for target in linked)


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_variable_named_exists(name: str) -> None:
    named = set(re.findall(r"\bJUSPAY_[A-Z_]+", FILES[name]))
    assert named <= {known.name for known in VARIABLES}


def test_every_command_and_option_named_exists() -> None:
    lines = list(command_lines())
    assert {line[0] for line in lines} == {"check", "serve", "token"}
    for name, *arguments in lines:
        command = cli.commands[name]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known
        with click.Context(command) as context:
            command.parse_args(context, [word.replace("%i", "8001") for word in arguments])


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_every_shell_block_is_shell() -> None:
    assert len(blocks("sh")) > 4
    for block in blocks("sh"):
        subprocess.run(["bash", "-n"], input=block.encode(), check=True)


def test_every_log_line_to_watch_for_is_one_the_program_writes() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path(juspay_mcp.__file__).parent.rglob("*.py"))
    watched = [
        word
        for row in re.findall(r"^\| stderr \| (.*?) \|", PAGE, re.MULTILINE)
        for word in re.findall(r"`(.+?)`", row)
    ]
    assert len(watched) > 8
    for line in watched:
        words, _, code = line.partition("call failed: ")
        assert f'"{words}' in source
        assert f'code = "{code}"' in source or not code


def test_the_figures_are_the_programs() -> None:
    assert f"keys already known serve for {KEPT / 3600:g} hours" in PAGE
    assert f"looked up {PAUSE:g} seconds later" in PAGE
    assert f"waits {PATIENCE} seconds" in PAGE


def test_nginx_accepts_the_load_balancers_file(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, free_port(), (free_port(), free_port()), trustme.CA())
    command = [require("nginx"), "-t", "-p", str(tmp_path), "-c", str(conf), "-e", "stderr"]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "[warn]" in line]) == (0, []), done.stderr


def test_every_timeout_around_a_call_is_longer_than_a_call_takes() -> None:
    [nginx] = re.findall(r"proxy_read_timeout (\d+)s;", FILES["nginx.conf"])
    [systemd] = re.findall(r"TimeoutStopSec=(\d+)", FILES[UNIT.name])
    kubernetes = manifests("kubernetes.yaml")
    pod = kubernetes["Deployment"]["spec"]["template"]["spec"]
    sleep = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    [rule] = kubernetes["HTTPRoute"]["spec"]["rules"]
    grace = 5
    assert int(nginx) > BUDGET
    assert rule["timeouts"] == {"request": f"{nginx}s", "backendRequest": f"{nginx}s"}
    assert BUDGET + grace < int(systemd)
    assert sleep + BUDGET + grace < pod["terminationGracePeriodSeconds"]


def test_the_route_leads_to_what_the_load_balancer_leads_to_and_to_nothing_else() -> None:
    """The fields are those of Gateway API 1.0 and later: an unknown one would be left out, or refused."""
    kubernetes = manifests("kubernetes.yaml")
    route, service = kubernetes["HTTPRoute"], kubernetes["Service"]
    assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert route["spec"].keys() == {"parentRefs", "hostnames", "rules"}
    [rule] = route["spec"]["rules"]
    assert rule.keys() == {"matches", "timeouts", "backendRefs"}
    [location] = re.findall(r"location ~ (\S+) \{", FILES["nginx.conf"])
    paths = [match["path"]["value"] for match in rule["matches"]]
    assert all(re.match(location, path) for path in paths)
    assert sorted(paths) == sorted(set(paths))
    assert len(paths) == 4
    assert {match["path"]["type"] for match in rule["matches"]} == {"Exact"}
    assert not re.match(location, "/readyz")
    [port] = service["spec"]["ports"]
    assert rule["backendRefs"] == [{"name": service["metadata"]["name"], "port": port["port"]}]


@pytest.mark.parametrize("name", ["kubernetes.yaml", "cilium.yaml"])
def test_egress_is_to_dns_redis_juspay_the_issuer_and_the_collector_alone(name: str) -> None:
    [policy] = [each for kind, each in manifests(name).items() if kind.endswith("NetworkPolicy")]
    egress = policy["spec"]["egress"]
    ports = [port for rule in egress for port in rule.get("ports", [])] + [
        port for rule in egress for to in rule.get("toPorts", []) for port in to["ports"]
    ]
    endpoint = {each["name"]: each.get("value", "") for each in container()["env"]}["OTEL_EXPORTER_OTLP_ENDPOINT"]
    collector = int(endpoint.rpartition(":")[2])
    assert sorted({int(port["port"]) for port in ports}) == sorted({53, 443, 6379, collector})
    assert all(rule.get("to") or rule.get("toEndpoints") or rule.get("toFQDNs") for rule in egress)
    assert "0.0.0.0/0" not in FILES[name]


def test_kubernetes_knows_every_field_of_the_manifests() -> None:
    """By the schemas of Kubernetes itself; of the custom kinds it has none."""
    for manifest in yaml.safe_load_all(FILES["kubernetes.yaml"]):
        if manifest["kind"] != "HTTPRoute":
            kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


@posix_only
def test_systemd_accepts_the_unit_and_finds_it_well_confined(tmp_path: Path) -> None:
    analyze = require("systemd-analyze")
    unit = tmp_path / "juspay-wallets-mcp@8001.service"
    command = f"ExecStart={sys.executable} serve"
    unit.write_text(re.sub(r"ExecStart=\S+ serve", command, FILES[UNIT.name]), encoding="utf-8")
    done = subprocess.run([analyze, "verify", "--man=no", str(unit)], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    score = subprocess.run(
        [analyze, "security", "--offline=yes", "--threshold=20", str(unit)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert score.returncode == 0, score.stdout


def test_the_dockerfile_copies_what_is_there_and_what_a_build_needs() -> None:
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    sources = {word for line in copied for word in line.split()}
    assert all((ROOT / source).exists() for source in sources - {"juspay_mcp"})
    assert sources >= {"pyproject.toml", "README.md", "LICENSE", "juspay_mcp"}


def test_the_image_runs_as_nobody_and_without_a_shell() -> None:
    final = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nRUN " not in final
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", final, re.MULTILINE)
    for instruction in re.findall(r"(?:^|\s)(?:CMD|ENTRYPOINT) (.+)$", final, re.MULTILINE):
        assert isinstance(json.loads(instruction), list)


@posix_only
def test_the_images_health_check_fails_without_a_server(environ: dict[str, str]) -> None:
    [check] = re.findall(r"HEALTHCHECK.*\n  CMD (.+)\n", DOCKERFILE)
    _, option, script = json.loads(check)
    with started(environ) as server:
        anyio.run(until_healthy, server.url)
        port = server.url.rpartition(":")[2]
        healthy = [sys.executable, option, script.replace("8000", port)]
        # As Docker sets it for containers behind a company's proxy.
        proxied = os.environ | {"http_proxy": f"http://127.0.0.1:{free_port()}"}
        assert subprocess.run(healthy, capture_output=True, check=False, env=proxied).returncode == 0
    assert subprocess.run(healthy, capture_output=True, check=False).returncode != 0


def test_the_manifests_names_fit_together() -> None:
    kubernetes = manifests("kubernetes.yaml")
    spec = kubernetes["Deployment"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert labels == spec["selector"]["matchLabels"] == kubernetes["Service"]["spec"]["selector"]
    assert labels == kubernetes["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]
    assert labels == kubernetes["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
    assert labels == manifests("cilium.yaml")["CiliumNetworkPolicy"]["spec"]["endpointSelector"]["matchLabels"]
    [port] = container()["ports"]
    [open_port] = kubernetes["NetworkPolicy"]["spec"]["ingress"][0]["ports"]
    assert port["containerPort"] == open_port["port"] == int(container()["args"][-1])
    [volume], [mount] = spec["template"]["spec"]["volumes"], container()["volumeMounts"]
    assert (volume["name"], mount["mountPath"]) == (mount["name"], SECRETS)


def test_the_manifests_settings_are_settings_and_their_files_are_mounted() -> None:
    kubernetes = manifests("kubernetes.yaml")
    [volume] = kubernetes["Deployment"]["spec"]["template"]["spec"]["volumes"]
    mounted = {f"{SECRETS}/{item['path']}" for item in volume["secret"]["items"]}
    environ = {each["name"]: each.get("value", "redis://redis:6379/0") for each in container()["env"]}
    settings = load_settings(environ)
    assert settings.missing == ()
    assert {value for value in environ.values() if value.startswith(SECRETS)} == mounted
    assert settings.access.allowed_hosts == tuple(kubernetes["HTTPRoute"]["spec"]["hostnames"])


def test_the_units_settings_are_settings() -> None:
    given = dict(line.split("=", 1) for line in re.findall(r"^Environment=(.+)$", FILES[UNIT.name], re.MULTILINE))
    assert load_settings(given).missing == ()
    files = {value.removeprefix("%d/") for value in given.values() if value.startswith("%d/")}
    assert files == set(re.findall(r"^LoadCredential=(\w+):", FILES[UNIT.name], re.MULTILINE))


def test_egress_by_name_is_to_juspays_host() -> None:
    egress = manifests("cilium.yaml")["CiliumNetworkPolicy"]["spec"]["egress"]
    names = [each["matchName"] for rule in egress for each in rule.get("toFQDNs", [])]
    assert names[0] == BASE_URLS["production"].removeprefix("https://")
    assert BASE_URLS["sandbox"].removeprefix("https://") in FILES["cilium.yaml"]


async def test_the_redis_user_may_do_what_the_limit_needs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    redis = Redis(tmp_path)
    try:
        [command] = re.findall(r"^redis-cli (ACL SETUSER .*?[^\\])$", PAGE, re.MULTILINE | re.DOTALL)
        words = [word.replace("$redis_password", "secret") for word in shlex.split(command.replace("\\\n", ""))]
        assert redis.ask(" ".join(words)) == "+OK\r\n"
        address = SecretStr(redis.url.replace("redis://", "redis://wallets:secret@"))
        async with open_shared_limiter("1/hour", address) as limiter:
            await limiter.admit("jane")
            with pytest.raises(RateLimited):
                await limiter.admit("jane")
        assert caplog.messages == []
    finally:
        redis.kill()
