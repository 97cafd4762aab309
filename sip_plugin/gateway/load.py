"""From the gateway's TOML file to a `GatewayConfig`, or to every fault of the file.

Reading, references, positions and words are those of the plugin's configuration.
"""

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bridge.backends import OPTIONS
from sip_plugin.config import ConfigError, Issue
from sip_plugin.config.document import Document, SyntaxFault, expand, parse
from sip_plugin.config.faults import Fault, translate
from sip_plugin.config.load import MAX_FILE_BYTES, dotted
from sip_plugin.config.nearest import did_you_mean
from sip_plugin.config.positions import Path, Positions
from sip_plugin.config.substitute import Sources
from sip_plugin.config.tree import Tree
from sip_plugin.gateway.models import GatewayConfig, ListenConfig

TABLES: dict[str, type[BaseModel]] = {"gateway": ListenConfig}
MAX_ROUNDS = 16
"""Each round finds what the faults of the one before it hid."""


def load(path: str | PathLike[str]) -> GatewayConfig:
    """Read and validate the file. Raises ConfigError with all of its faults."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigError([Issue(name, 0, f"has more than {MAX_FILE_BYTES} bytes")])
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([Issue(name, line, "not UTF-8 text")]) from None
    except OSError as error:
        raise ConfigError([Issue(name, 0, f"cannot be read: {error.strerror}")]) from None
    return loads(text, name=name, folder=FilePath(name).parent, environ=os.environ)


def loads(text: str, *, name: str, folder: FilePath, environ: Mapping[str, str]) -> GatewayConfig:
    """Validate the text of a file that errors call `name`. Raises ConfigError."""
    try:
        tables = parse(text)
    except SyntaxFault as fault:
        raise ConfigError([Issue(name, fault.line, str(fault))]) from None
    document = expand(tables, Sources(environ, folder))
    config, faults = _validate(document)
    if config is not None and not faults:
        return config
    positions = Positions(text)
    raise ConfigError(
        [Issue(name, positions.line(f.path), f"{dotted(f.path)}: {f.message}") for f in faults]
    )


def unusable(path: str | PathLike[str], at: Path, message: str) -> ConfigError:
    """A fault of a valid file that came to light when its value was used."""
    name = os.fspath(path)
    text = FilePath(name).read_text("utf-8-sig")
    return ConfigError([Issue(name, Positions(text).line(at), f"{dotted(at)}: {message}")])


def _validate(document: Document) -> tuple[GatewayConfig | None, list[Fault]]:
    """Wrong keys are taken out and the rest is validated again, until nothing new comes up."""
    faults = list(document.faults)
    models = _models(document.tables, faults)
    tree = Tree(document.tables)
    parts: dict[Path, BaseModel] = {}
    for at, model in models.items():
        for _ in range(MAX_ROUNDS):
            try:
                parts[at] = model.model_validate_json(_json(tree, at), strict=True)
                break
            except ValidationError as error:
                found = error.errors(include_url=False, include_input=False)
            for detail in found:
                detail["loc"] = tree.original((*at, *detail["loc"]))
            for fault in _faults(found, model, at):
                if _read(tree, document, fault):
                    continue
                if not any(_within(fault.path, told.path) for told in faults):
                    faults.append(fault)
                if isinstance(tree.get(at), dict):  # a missing key takes its table with it
                    tree.remove(fault.path)
            if not isinstance(tree.get(at), dict):
                break
    if faults:
        return None, faults
    listen = parts.get(("gateway",), ListenConfig())
    agents = {str(at[1]): part for at, part in parts.items() if at[0] == "agents"}
    return GatewayConfig.model_construct(gateway=listen, agents=agents), []


def _models(tables: dict[str, Any], faults: list[Fault]) -> dict[Path, type[BaseModel]]:
    """The model of each table of the document."""
    models: dict[Path, type[BaseModel]] = {}
    for key in tables:
        if key in TABLES:
            models[(key,)] = TABLES[key]
        elif key != "agents":
            hint = did_you_mean(key, [*TABLES, "agents"])
            faults.append(Fault((key,), f"unknown table{hint or ' (known: gateway, agents)'}"))
    agents = tables.get("agents")
    if not isinstance(agents, dict) or not agents:
        faults.append(Fault(("agents",), "there must be at least one [agents.NAME]"))
        return models
    for name, agent in agents.items():
        at: Path = ("agents", name)
        if not 1 <= len(name) <= 64 or not name.replace("-", "_").replace("_", "a").isalnum():
            faults.append(Fault(at, "a name has 1 to 64 of the characters A-Z a-z 0-9 _ -"))
        elif not isinstance(agent, dict):
            faults.append(Fault(at, "must be a table"))
        elif "backend" not in agent:
            known = ", ".join(OPTIONS)
            faults.append(Fault((*at, "backend"), f"this key is required (one of {known})"))
        elif agent["backend"] not in OPTIONS:
            named = agent["backend"] if isinstance(agent["backend"], str) else ""
            hint = did_you_mean(named, OPTIONS) or f" (known: {', '.join(OPTIONS)})"
            faults.append(Fault((*at, "backend"), f"there is no such backend{hint}"))
        else:
            models[at] = OPTIONS[agent["backend"]]
    return models


def _faults(found: list[ErrorDetails], model: type[BaseModel], at: Path) -> list[Fault]:
    unknown, others = [], []
    for detail in found:
        if detail["type"] == "extra_forbidden":
            keys = _keys(model, detail["loc"][len(at) : -1])
            hint = did_you_mean(str(detail["loc"][-1]), keys)
            if not hint and keys:
                hint = f" (known here: {', '.join(keys)})"
            unknown.append(Fault(detail["loc"], f"unknown key{hint}", unknown=True))
        else:
            others.append(detail)
    return unknown + translate(others)


def _keys(model: Any, path: Path) -> list[str]:
    """The keys of the table that lies at a path of the model."""
    for key in path:
        if isinstance(key, int):
            continue
        field = model.model_fields.get(str(key))
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        model = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _read(tree: Tree, document: Document, fault: Fault) -> bool:
    """A reference may stand for a number or a boolean: put it there as one."""
    if fault.path not in document.substituted or fault.wants is None:
        return False
    document.substituted.remove(fault.path)
    text = tree.get(fault.path)
    try:
        if fault.wants is bool:
            value: Any = {"true": True, "false": False}[text]
        else:
            value = fault.wants(text)
    except (ValueError, KeyError, TypeError):
        return False
    tree.replace(fault.path, value)
    return True


def _json(tree: Tree, at: Path) -> str:
    return Tree(tree.get(at)).json()


def _within(path: Path, other: Path) -> bool:
    """One of them is within the other, so that one fault may be an echo of the other."""
    length = min(len(path), len(other))
    return path[:length] == other[:length]
