"""Packs a built binding as a wheel (PEP 427) that stands in for the one of the package index."""

import base64
import hashlib
import json
import zipfile
from pathlib import Path

from pjsua2_build.compile import Built
from pjsua2_build.target import Target

DISTRIBUTION = "pjsua2-python"
"""The name of the index's wheel: pip then has one or the other, never both."""

_INIT = '''\
"""The Python binding of pjproject; build.json beside it tells how it was built."""

from .pjsua2 import *
'''
_TIME = (1980, 1, 1, 0, 0, 0)


def own_version(stock: str, pjproject: str, key: str) -> str:
    """A local version (PEP 440) of the stock one: `==` of that is true of it too."""
    return f"{stock}+pjproject.{pjproject}.b{key[:8]}"


def write_wheel(
    folder: Path, version: str, built: Built, target: Target, facts: dict[str, str]
) -> Path:
    """`facts` go into pjsua2/build.json, for `sip-plugin doctor`."""
    base = f"{DISTRIBUTION.replace('-', '_')}-{version}"
    info = f"{base}.dist-info"
    metadata = (
        f"Metadata-Version: 2.1\nName: {DISTRIBUTION}\nVersion: {version}\n"
        f"Summary: pjsua2 of pjproject {built.version} with raised limits, built here\n"
        "License: GPL-2.0-or-later\nRequires-Python: ==%s.*\n" % target.version
    )
    wheel = (
        f"Wheel-Version: 1.0\nGenerator: build-pjsua2\nRoot-Is-Purelib: false\nTag: {target.tag}\n"
    )
    files = {
        "pjsua2/__init__.py": _INIT.encode(),
        "pjsua2/pjsua2.py": built.binding.read_bytes(),
        f"pjsua2/_pjsua2{target.suffix}": built.extension.read_bytes(),
        "pjsua2/build.json": (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode(),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": wheel.encode(),
        f"{info}/top_level.txt": b"pjsua2\n",
        f"{info}/licenses/COPYING": built.licence.read_bytes(),
    }
    record = "".join(f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{base}-{target.tag}.whl"
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    partial.replace(path)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
