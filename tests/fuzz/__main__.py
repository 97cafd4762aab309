"""A long fuzz run against a SIP process of its own: `python -m tests.fuzz --messages 200000`.

Ends with 1 at the first death or silence, and leaves the last messages' seed and the log.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from sip_plugin.planes.messages import CallState, Hangup
from tests.fuzz.caller import HostileCaller
from tests.fuzz.setting import DIALPLAN, TRUNK
from tests.peers.ports import Ports
from tests.sip.conftest import SipServer, configuration
from tests.sip.plane import Supervisor


def hang_up_all(sip: SipServer) -> None:
    """As the workers would, for there is no media in these calls."""
    supervisor = Supervisor(sip.socket_path, "ending")
    for state in supervisor.all(CallState):
        if state.state == "in_progress":
            supervisor.send(Hangup(sid=state.sid))
    supervisor.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    port = Ports().one()
    folder = Path(tempfile.mkdtemp(prefix="sip-fuzz-"))
    sip = SipServer(configuration(port, trunks=TRUNK, dialplan=DIALPLAN), folder, port)
    sip.worker(leases=64)
    caller = HostileCaller(port, arguments.seed)
    began, before = time.monotonic(), sip.descriptors
    print(f"seed {arguments.seed}, log {sip.log_path}", flush=True)
    while caller.sent < arguments.messages:
        caller.send(1000)
        hang_up_all(sip)
        code = sip.phone().options()
        if sip.process.poll() is not None or code != 200:
            died = sip.process.poll()
            print(
                f"after {caller.sent} messages: exit code {died}, OPTIONS {code}\n{sip.log[-4000:]}"
            )
            return 1
        if caller.sent % 20_000 < 1500:
            rate = caller.sent / (time.monotonic() - began)
            print(f"{caller.sent} messages, {caller.answered} calls, {rate:.0f}/s", flush=True)
    # Calls that were left hanging are given up after a while; those that nobody ended, by us.
    time.sleep(35)
    hang_up_all(sip)
    time.sleep(10)
    left = sip.descriptors - before
    with_calls = [sip.phone() for _ in range(4)]
    for number, phone in enumerate(with_calls):
        answer = phone.call()
        print(f"a sound call, the {number + 1}. at a time: {answer.start}", flush=True)
    for phone in with_calls:
        phone.hang_up()
    faults = sip.log.count("Traceback")
    code = sip.stop()
    print(
        f"{caller.sent} messages, {caller.answered} calls: exit code {code}, "
        f"{faults} exceptions, {left} descriptors more than at first"
    )
    return int(code != 0 or faults > 0)


if __name__ == "__main__":
    sys.exit(main())
