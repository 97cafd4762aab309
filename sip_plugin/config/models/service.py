"""`[service]`: the plugin as a service of this machine."""

import os
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from sip_plugin.config.models.section import Problem, Section, refuse

MAX_RUN_DIR_BYTES = 80
"""A Unix socket's path may have 107 bytes (unix(7)), and the sockets' names follow this one."""


class ServiceConfig(Section):
    """`[service]`: the plugin as a service of this machine."""

    run_dir: str = ""
    """Folder for the sockets; empty takes $XDG_RUNTIME_DIR/sip-plugin, else /tmp/sip-plugin-UID."""

    drain_secs: float = Field(30.0, ge=0, le=86_400)
    """After SIGTERM: how long running calls may go on."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""

    @property
    def run_path(self) -> Path:
        """`run_dir`, or the folder that stands for an empty one."""
        if self.run_dir:
            return Path(self.run_dir)
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        return Path(runtime, "sip-plugin") if runtime else Path(f"/tmp/sip-plugin-{os.getuid()}")

    @model_validator(mode="after")
    def _socket_paths_fit(self) -> Self:
        if "\0" in self.run_dir:
            refuse([Problem(("run_dir",), "must not contain a NUL")])
        size = len(os.fsencode(self.run_dir))
        if size > MAX_RUN_DIR_BYTES:
            refuse(
                [
                    Problem(
                        ("run_dir",),
                        f"has {size} bytes, but at most {MAX_RUN_DIR_BYTES} leave room for the "
                        "names of the sockets in it",
                    )
                ]
            )
        return self
