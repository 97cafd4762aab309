"""What can be known of docker/ without an engine: syntax, known keys, files that are there."""

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from sip_plugin.config import load

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE_FILES = sorted(DOCKER.glob("compose*.yaml"))
DOCKERFILES = sorted(DOCKER.glob("**/Dockerfile"))
CONFIGURATIONS = sorted(DOCKER.glob("**/*.toml"))
XML_FILES = sorted((DOCKER / "freeswitch").glob("**/*.xml"))

SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "environment", "extends", "healthcheck"),
    *("hostname", "image", "networks", "ports", "read_only", "restart", "security_opt"),
    *("stop_grace_period", "tmpfs", "volumes"),
}
"""Of the Compose specification, those that these files use."""
INSTRUCTIONS = {
    *("ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "RUN"),
    *("STOPSIGNAL", "USER", "WORKDIR"),
}


def name(path: Path) -> str:
    return str(path.relative_to(DOCKER))


def services_of(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())["services"]


def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"(?m)^\s*#.*\n", "", path.read_text()).replace("\\\n", " ")
    return [
        (word, rest.strip())
        for word, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())
    ]


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=name)
def test_compose_files_have_known_keys_and_files_that_are_there(path: Path):
    document = yaml.safe_load(path.read_text())
    assert set(document) <= {"name", "services", "networks", "volumes"}
    volumes, services = document.get("volumes", {}), document["services"]
    for service in services.values():
        assert set(service) <= SERVICE_KEYS, set(service) - SERVICE_KEYS
        for wanted in service.get("depends_on", {}):
            assert wanted in services
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), source
            else:
                assert source in volumes, source
        build = service.get("build")
        if build:
            context = DOCKER / build["context"]
            assert (context / build.get("dockerfile", "Dockerfile")).is_file()
        base = service.get("extends")
        if base:
            assert base["service"] in services_of(DOCKER / base["file"])


@pytest.mark.parametrize("path", DOCKERFILES, ids=name)
def test_dockerfiles_have_known_instructions_and_copy_what_is_there(path: Path):
    found = instructions(path)
    assert found[0][0] in ("FROM", "ARG")
    assert {word for word, _ in found} <= INSTRUCTIONS
    # The plugin's is built from the root of the tree, the others from their own folder.
    context = DOCKER.parent if path.parent == DOCKER else path.parent
    for word, rest in found:
        if word == "COPY" and "--from" not in rest:
            sources = [part for part in rest.split() if not part.startswith("--")][:-1]
            assert sources
            for source in sources:
                assert (context / source).exists(), source
    assert "HEALTHCHECK" in [word for word, _ in found]


def test_the_plugins_image_is_built_in_stages_and_runs_without_root():
    found = instructions(DOCKER / "Dockerfile")
    stages = [rest for word, rest in found if word == "FROM"]
    assert len(stages) == 2
    last = found[max(i for i, (word, _) in enumerate(found) if word == "FROM") :]
    assert ("USER", "sip-plugin") in last
    assert not any("build-essential" in rest for _, rest in last)
    assert any(word == "COPY" and "--from=build" in rest for word, rest in last)


def test_what_is_left_out_of_the_build_is_not_copied_into_it():
    lines = (DOCKER.parent / ".dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    sources = [
        part.split("/")[0]
        for word, rest in instructions(DOCKER / "Dockerfile")
        if word == "COPY" and "--from" not in rest
        for part in rest.split()[:-1]
    ]
    assert set(sources) <= kept


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=name)
def test_the_configurations_are_valid(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(os.environ, "PUBLIC_ADDRESS", "192.0.2.1")
    config = load(path)
    assert config.service.run_dir == "/run/sip-plugin", "where the health check asks"


@pytest.mark.parametrize("path", XML_FILES, ids=name)
def test_freeswitchs_files_are_well_formed(path: Path):
    """Of what FreeSWITCH makes of them nothing is known here: it was not run."""
    root = ElementTree.fromstring(path.read_text())
    assert root.tag == "include"
    wanted = {"directory": "user", "sip_profiles": "gateway", "dialplan": "extension"}
    assert root.find(f".//{wanted[path.parent.name]}") is not None
    for param in root.iter("param"):
        assert set(param.attrib) == {"name", "value"}
    for action in root.iter("action"):
        assert set(action.attrib) <= {"application", "data"}
    for condition in root.iter("condition"):
        re.compile(condition.attrib["expression"])


def test_one_password_for_each_account():
    endpoint = (DOCKER / "freeswitch" / "directory" / "6001.xml").read_text()
    plugin = (DOCKER / "freeswitch" / "sip-plugin.toml").read_text()
    (password,) = re.findall(r'name="password" value="(.+?)"', endpoint)
    assert f'sip_password = "{password}"' in plugin
