"""What the installed pjsua2 can do, judged by what the configuration asks of it."""

from collections.abc import Iterator

from sip_plugin.config import Config
from sip_plugin.doctor.finding import Finding, fault, limit, ok
from sip_plugin.media.description import SrtpSuite
from sip_plugin.sip.build import StackBuild

BUILD = "make pjsua2 (docs/pjsua2.md)"


def examine(build: StackBuild, config: Config | None) -> Iterator[Finding]:
    yield _identity(build)
    yield _calls(build, config.sip.max_calls if config else 0)
    yield _trunks(build, len(config.trunks) if config else 0)
    yield _tls(build)
    yield _srtp(build)
    if build.digest_sha256:
        yield ok("digest", "MD5, SHA-256")
    else:
        yield limit("digest", "MD5 only", f"registrars that ask for SHA-256: {BUILD}")
    yield _ipv6(build, config)
    if build.assertions:
        yield limit(
            "assertions",
            "compiled in: misuse of the stack ends the SIP process, which is started again",
            BUILD,
        )
    else:
        yield ok("assertions", "compiled out")


def _ipv6(build: StackBuild, config: Config | None) -> Finding:
    wanted = config is not None and ":" in config.sip.bind_host
    if build.ipv6:
        return ok("IPv6", "in use" if wanted else "possible, where sip.bind is an IPv6 address")
    if wanted:
        return fault("IPv6", "sip.bind is IPv6, which this build cannot use", BUILD)
    return limit("IPv6", "not possible", f"SIP and audio over IPv6: {BUILD}")


def _identity(build: StackBuild) -> Finding:
    if build.is_own:
        return ok("pjsua2", f"pjproject {build.pjproject}, built here ({build.distribution})")
    package = f"wheel {build.distribution}" if build.distribution else "of an unknown package"
    return limit("pjsua2", f"pjproject {build.pjproject}, {package}", f"raised limits: {BUILD}")


def _calls(build: StackBuild, asked: int) -> Finding:
    room = f"room for {build.calls} calls"
    if asked > build.calls:
        return limit(
            "calls", f"{room}, sip.max_calls = {asked} is clipped to it", f"{BUILD}, or ask less"
        )
    if build.is_own or asked:
        return ok("calls", f"{room}, sip.max_calls = {asked}" if asked else room)
    return limit("calls", room, f"more at once: {BUILD}")


def _trunks(build: StackBuild, asked: int) -> Finding:
    room = f"room for {build.accounts} trunks"
    if asked > build.accounts:
        return fault("trunks", f"{room}, {asked} are configured: run will not start", BUILD)
    return ok("trunks", f"{room}, {asked} configured" if asked else room)


def _tls(build: StackBuild) -> Finding:
    if not build.tls:
        return limit("TLS", "a TLS socket does not open", BUILD)
    found = f"{', '.join(build.tls_versions)} ({build.openssl})"
    if "1.3" in build.tls_versions:
        return ok("TLS", found)
    return limit("TLS", f"{found}, which gets no security fixes", f"SIP over TLS: {BUILD}")


def _srtp(build: StackBuild) -> Finding:
    both = [suite for suite in SrtpSuite if suite in build.srtp_suites]
    if not both:
        return limit("SRTP", "none", f"trunks that need SRTP: {BUILD}")
    return ok("SRTP", "SDES: " + ", ".join(both))
