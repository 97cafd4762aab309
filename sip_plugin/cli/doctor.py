"""`sip-plugin doctor`."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sip_plugin.cli import tables
from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import fail, load_config

if TYPE_CHECKING:
    from sip_plugin.config import Config
    from sip_plugin.doctor import Finding
    from sip_plugin.sip.build import StackBuild


def doctor(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            "-c",
            metavar="FILE",
            help="Also examine what this file needs: ports, names.",
        ),
    ] = None,
    gateway: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also examine the certificates of a gateway's file."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Examine this machine: what works, what is limited, and what to do about it.

    Python and its packages, which pjsua2 is installed and what it can do (calls, trunks, TLS,
    SRTP); with a configuration also its ports, folders, descriptors, names and certificates: how
    long they are good for, those that gateways show included. Starts nothing, leaves nothing
    behind, and may be run beside a running plugin.

    Example: sip-plugin doctor -c sip-plugin.toml

    Exit codes: 0 no fault, with limits or without; 1 faults; 2 the configuration has faults.
    """
    checked = load_config(config) if config is not None else None
    findings, build = _examine(checked)
    if gateway is not None:
        findings += _examine_gateway(gateway)
    sick = any(finding.state == "fault" for finding in findings)
    if as_json:
        report = {
            "ok": not sick,
            "findings": [asdict(finding) for finding in findings],
            "pjsua2": build.model_dump(mode="json") if build else None,
        }
        typer.echo(json.dumps(report, indent=1))
    else:
        _show(findings)
    # A look-up without an answer has a thread that would keep the process until it gives up.
    sys.stdout.flush()
    os._exit(Exit.ERROR if sick else Exit.OK)


def _examine(config: "Config | None") -> "tuple[list[Finding], StackBuild | None]":
    from sip_plugin.doctor import environment, secured, setting, stack
    from sip_plugin.doctor.finding import fault
    from sip_plugin.sip.build import STOCK_CALLS, probe
    from sip_plugin.sip.errors import StackError

    findings = list(environment.examine())
    try:
        build = probe()
        findings += stack.examine(build, config)
    except StackError as error:
        build = None
        findings.append(fault("pjsua2", str(error), ""))
    if config is not None:
        findings += setting.examine(config, build.calls if build else STOCK_CALLS)
        findings += secured.examine(config)
    return findings, build


def _examine_gateway(file: Path) -> "list[Finding]":
    from sip_plugin.config import ConfigError
    from sip_plugin.doctor import secured
    from sip_plugin.gateway.load import load

    try:
        return list(secured.of_gateway(load(file)))
    except ConfigError as error:
        raise fail(str(error), Exit.USAGE) from None


def _show(findings: "Sequence[Finding]") -> None:
    from rich.console import Console

    rows = [(each.subject, each.state, each.found, each.advice) for each in findings]
    table = tables.table("", ("what", "state", "found", "what to do"), rows)
    Console(highlight=False).print(table)
    counts = [sum(each.state == state for each in findings) for state in ("fault", "limit")]
    typer.echo(f"{counts[0]} fault(s), {counts[1]} limit(s)")
