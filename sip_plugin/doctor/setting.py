"""What a configuration needs of this machine: ports, folders, names, descriptors."""

import asyncio
import fcntl
import os
import resource
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from pathlib import Path

from sip_plugin.config import Config
from sip_plugin.config.address import is_ip_address, split_host_port
from sip_plugin.doctor.finding import Finding, fault, limit, ok
from sip_plugin.media.ports import PortPool, PortsExhausted
from sip_plugin.service.run_dir import RunDirError, check_private
from sip_plugin.sip.names import Names, name_servers
from sip_plugin.sip.sdp import version_of
from sip_plugin.sip.ways import SERVICES, Way

RTP_PAIRS = 16
"""Bound at once to try the range."""
DESCRIPTORS_PER_CALL = 6
"""RTP and RTCP sockets, the model's connection, a recording; with leases in advance."""
DESCRIPTORS_BESIDE = 200
RESOLVE_SECS = 9.0


def examine(config: Config, room: int) -> Iterator[Finding]:
    """`room`: calls that the SIP stack takes."""
    runs = _is_held(config.service.run_path)
    yield _run_dir(config.service.run_path, runs)
    yield _sip_port(config, runs)
    yield _rtp_ports(config)
    yield _descriptors(min(config.sip.max_calls or room, room))
    if config.media.record_dir:
        yield _record_dir(Path(config.media.record_dir))
    yield from _names(config)


def _is_held(run_dir: Path) -> bool:
    """A plugin runs there."""
    try:
        lock = os.open(run_dir / "lock", os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _run_dir(path: Path, runs: bool) -> Finding:
    try:
        if path.exists():
            check_private(path)
        made_in = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    except (RunDirError, OSError) as error:
        return fault("run_dir", str(error), "")
    if not os.access(made_in, os.W_OK | os.X_OK):
        return fault("run_dir", f"{made_in} cannot be written", "set another [service] run_dir")
    return ok("run_dir", f"{path}{', a plugin runs there' if runs else ''}")


def _sip_port(config: Config, runs: bool) -> Finding:
    host, port = config.sip.bind_host, config.sip.bind_port
    where = f"UDP {config.sip.bind}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((host, port))
        except OSError as error:
            if runs:
                return ok("SIP port", f"{where}, held by the running plugin or another program")
            advice = f"ss -ulpn 'sport = :{port}' shows who has it; or set another sip.bind"
            return fault("SIP port", f"{where}: {error.strerror}", advice)
    return ok("SIP port", f"{where} can be bound")


def _rtp_ports(config: Config) -> Finding:
    media = config.media
    named = f"{media.bind_address}:{media.rtp_start_port}-{media.rtp_end_port}"
    pool = PortPool(media.bind_address, media.rtp_start_port, media.rtp_end_port)
    tried = min(RTP_PAIRS, media.port_pairs)
    pairs = []
    try:
        for _ in range(tried):
            pairs.append(pool.lease())
    except PortsExhausted as error:
        return fault("RTP ports", f"{named}: {error}", "")
    except OSError as error:
        advice = "set another media.bind_address: an address of this machine, or 0.0.0.0"
        return fault("RTP ports", f"{named}: {error.strerror}", advice)
    finally:
        for pair in pairs:
            pair.close()
    return ok("RTP ports", f"{named}: {media.port_pairs} pairs, {tried} of them tried")


def _descriptors(calls: int) -> Finding:
    """A worker has its calls' sockets; in the worst case one worker has all calls."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = calls * DESCRIPTORS_PER_CALL + DESCRIPTORS_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        found = f"{soft} a process, {wanted} may be wanted for {calls} calls"
        return limit("open files", found, f"ulimit -n {wanted} (LimitNOFILE= of systemd)")
    return ok("open files", f"{soft} a process")


def _record_dir(path: Path) -> Finding:
    if path.is_dir() and os.access(path, os.W_OK | os.X_OK):
        return ok("record_dir", str(path))
    made_in = next((folder for folder in path.absolute().parents if folder.exists()), Path("/"))
    if not path.exists() and os.access(made_in, os.W_OK | os.X_OK):
        return ok("record_dir", f"{path}, will be made")
    return fault("record_dir", f"{path} cannot be written", "set another media.record_dir")


def _names(config: Config) -> Iterator[Finding]:
    """All looked up at the same time: a dead name server costs its time-out once."""
    users: dict[tuple[str, str], list[str]] = {}
    """By what is looked up: a trunk's `HOST` or `HOST:PORT` with its transport, whose records are
    others; an agent's host without one."""
    for name, trunk in config.trunks.items():
        way = trunk.proxy or trunk.domain  # behind a proxy the domain needs no address
        users.setdefault((way, trunk.transport), []).append(f"trunk {name}")
    for name, agent in config.agents.items():
        for endpoint in agent.weights:
            host = split_host_port(endpoint.removeprefix("quic://"))[0]
            users.setdefault((host, ""), []).append(f"agent {name}")
    servers = name_servers(config.sip.nameservers, [at for at, transport in users if transport])
    names = Names(servers, version_of(config.sip.bind_host))
    wanted = [key for key in users if not is_ip_address(split_host_port(key[0], 0)[0])]
    pool = ThreadPoolExecutor(max_workers=max(1, min(16, len(wanted))))
    lookups = {
        (at, transport): pool.submit(_of_trunk, names, at, transport)
        if transport
        else pool.submit(_addresses, at)
        for at, transport in wanted
    }
    for key, lookup in lookups.items():
        yield _name(key[0], ", ".join(dict.fromkeys(users[key])), lookup)
    pool.shutdown(wait=False, cancel_futures=True)


def _name(host: str, users: str, lookup: "Future[list[str]]") -> Finding:
    subject = f"name of {users}"
    try:
        found = lookup.result(RESOLVE_SECS)
    except TooLate:
        return fault(subject, f"{host}: no answer in {RESOLVE_SECS:g} s", "check the name server")
    except OSError as error:
        return fault(subject, f"{host}: {error.strerror}", "check its spelling and the name server")
    return ok(subject, f"{host}: {', '.join(found)}")


def _of_trunk(names: Names, at: str, transport: str) -> list[str]:
    """As the plugin finds them: by SRV records where the trunk has no port."""

    async def look_up() -> list[str]:
        way, to = await names.way(at, SERVICES) if transport == "auto" else (Way(transport), "")
        return await names.addresses(to or at, way.transport)

    return sorted(set(asyncio.run(look_up())))


def _addresses(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, family=socket.AF_UNSPEC, type=socket.SOCK_DGRAM)
    return sorted({str(entry[4][0]) for entry in found})
