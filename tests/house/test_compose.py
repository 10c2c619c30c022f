"""docker-compose.yml gives each container as little as it needs, and runs commands and variables that exist."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import resolve

from portal.env import PORTAL_NAMES
from portal.processes.precedence import STEPS_BEHIND
from portal.processes.programs import parser
from tests.servers import caddy

TEXT = Path("docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROXIES = ["proxy", "entrance"]
PORTAL = ("prepare", "web", "intake", "worker", "beat")
DEPLOY = Path("docs/deploy")
CADDYFILE, ENTRANCE = (
    (DEPLOY / name).read_text().replace("import intake.caddyfile", (DEPLOY / "intake.caddyfile").read_text())
    for name in ("Caddyfile", "agents.Caddyfile")
)
EXAMPLE = Path("docs/deploy/env.example").read_text()

KNOWN_KEYS = {
    *("build", "cap_add", "cap_drop", "command", "cpu_shares", "depends_on", "environment", "healthcheck", "image"),
    *("networks", "ports", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "user"),
    "volumes",
}


def test_the_services_are_those_of_the_operations_page() -> None:
    assert set(SERVICES) == {*PROXIES, "prepare", "web", "intake", "worker", "beat", "postgresql", "valkey"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_container_is_confined(name: str) -> None:
    service = SERVICES[name]

    assert set(service) <= KNOWN_KEYS
    assert service["user"] not in ("root", "0", "0:0")
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in service or name in PROXIES


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"prepare"}))
def test_each_container_that_stays_tells_whether_it_is_well(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_only_the_proxies_are_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == PROXIES
    assert COMPOSE["networks"]["back"] == {"internal": True}
    assert SERVICES["postgresql"]["networks"] == SERVICES["valkey"]["networks"] == ["back"]


@pytest.mark.parametrize("name", PORTAL)
def test_the_portals_containers_get_every_variable_that_settings_know(name: str) -> None:
    """One that is not named would stay in `.env`, and nobody would be told."""
    assert set(SERVICES[name]["environment"]) == PORTAL_NAMES


def test_the_portals_address_is_the_published_one() -> None:
    for name in PORTAL:
        address = SERVICES[name]["environment"]["KIRIKAE_BASE_URL"]
        assert address.startswith("https://${SITE_HOST:")
        assert address.endswith(":${HTTPS_PORT:-443}")
        assert SERVICES[name]["environment"]["KIRIKAE_AGENTS_PORT"] == "${AGENTS_PORT-8444}"
    assert SERVICES["entrance"]["ports"] == ["${AGENTS_PORT:-8444}:8444"]
    assert SERVICES["entrance"]["environment"]["AGENTS_SITE"].endswith(":8444")


def test_both_proxies_share_the_certificate() -> None:
    folders = [{mount for mount in SERVICES[name]["volumes"] if mount.endswith(":/data")} for name in PROXIES]

    assert folders == [{"certificates:/data"}] * 2


def test_the_commands_are_ones_that_exist() -> None:
    assert SERVICES["prepare"]["command"] == ["prepare"]
    for name in ("web", "intake", "worker", "beat"):
        program, *arguments = SERVICES[name]["command"]
        assert program == "serve"
        assert parser().parse_args(arguments).program == name


def test_web_has_at_least_two_processes() -> None:
    assert parser().parse_args(SERVICES["web"]["command"][1:]).processes >= 2


def test_every_volume_is_declared_and_used() -> None:
    used = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}

    assert used == set(COMPOSE["volumes"])


def test_every_service_that_is_waited_for_exists() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_the_example_describes_every_variable_that_is_filled_in() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", TEXT)) | set(re.findall(r"\{\$([A-Z_]+)\}", CADDYFILE))

    assert set(re.findall(r"^([A-Z_]+)=", EXAMPLE, re.MULTILINE)) == asked


def test_no_password_is_tracked() -> None:
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))

    assert {values["POSTGRES_PASSWORD"], values["VALKEY_PASSWORD"]} == {""}
    assert Path("docs/deploy/Dockerfile").read_text().count("\nUSER 10001:10001\n") == 2


def test_what_the_image_copies_exists() -> None:
    ignored = Path("docs/deploy/Dockerfile.dockerignore").read_text()
    let_in = re.findall(r"^!(\S+)", ignored, re.MULTILINE)

    for name in let_in:
        assert Path(name).exists(), name
    assert set(re.findall(r"docs/deploy/\S+addyfile", Path("docs/deploy/Dockerfile").read_text())) <= set(let_in)
    assert {f"docs/deploy/{file.name}" for file in DEPLOY.glob("*addyfile")} <= set(let_in)


@pytest.mark.slow
@pytest.mark.where("docker compose")
def test_docker_compose_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(re.sub(r"PASSWORD=$", "PASSWORD=abc123", EXAMPLE, flags=re.MULTILINE))
    command = ["docker", "compose", "--env-file", str(tmp_path / ".env"), "config", "--quiet"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", [CADDYFILE, ENTRANCE])
def test_a_proxy_sends_routes_that_exist_to_services_that_exist(file: str) -> None:
    [paths] = re.findall(r"^\s+path (.+)", file, re.MULTILINE)
    upstreams = re.findall(r"\{\$[A-Z]+:(\w+):(\d+)\}", file)

    assert {resolve(path).url_name for path in paths.split()} == {"heartbeats", "reports"}
    assert {name for name, _port in upstreams} == {"web", "intake"}
    for name, port in upstreams:
        assert parser().parse_args(SERVICES[name]["command"][1:]).port == int(port)


def test_a_crowd_waits_in_the_proxies() -> None:
    """The server's line for new connections has 1,024 places; a proxy answers by 502 what finds none."""
    bounds = [int(bound) for bound in re.findall(r"max_conns_per_host (\d+)", CADDYFILE + ENTRANCE)]

    assert len(bounds) == (CADDYFILE + ENTRANCE).count("reverse_proxy ")
    assert sum(bounds) < 1024


def test_the_proxy_runs_here_as_in_its_container() -> None:
    proxy = SERVICES["proxy"]

    assert proxy["environment"]["GOMAXPROCS"] == str(caddy.THREADS)
    assert proxy["cpu_shares"] / 1024 == pytest.approx(1.25**caddy.STEPS_AHEAD, rel=0.01)


def test_the_entrance_runs_here_as_in_its_container() -> None:
    assert SERVICES["entrance"]["command"][-1] == "/etc/caddy/agents.Caddyfile"
    assert SERVICES["entrance"]["cpu_shares"] / 1024 == pytest.approx(1.25**-caddy.STEPS_BEHIND, rel=0.01)


@pytest.mark.parametrize("name", ["intake", "worker"])
def test_between_containers_it_stands_back_by_as_much_as_between_processes(name: str) -> None:
    """One step of `nice` is a quarter more or less."""
    assert SERVICES[name]["cpu_shares"] / 1024 == pytest.approx(1.25**-STEPS_BEHIND, rel=0.01)
