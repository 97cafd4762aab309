"""A model server whose agent does what the caller's keys say: transfers, holds.

Run as `python -m tests.peers.desk_agent PORT CA_FILE`; prints what it is told.
"""

import asyncio
import sys

from bridge.gateway import AgentCall, Gateway, GatewayOptions
from bridge.gateway.events import Answered, Digit, Held, TransferProgress
from bridge.gateway.greeter import chime

TARGET = "talk-turn"
_BLIND = {"1": TARGET, "2": "nobody-of-that-name"}
_ATTENDED = {"4": (TARGET, "complete"), "5": (TARGET, "cancel"), "6": ("busy", "complete")}
CONSULT_SECS = 1.0
HOLD_SECS = 1.5
_plans: dict[str, str] = {}


async def desk(call: AgentCall) -> None:
    call.accept({"X-Desk-Line": "7"})
    of = call.info.headers.get("consultation_for", "")
    tasks: set[asyncio.Task[None]] = set()

    def soon(secs: float, act) -> None:
        async def later() -> None:
            await asyncio.sleep(secs)
            act()

        tasks.add(asyncio.create_task(later()))

    async for event in call:
        match event:
            case Digit(digit=digit) if digit in _BLIND:
                call.transfer(_BLIND[digit])
            case Digit(digit=digit) if digit in _ATTENDED:
                target, _plans[call.info.sid] = _ATTENDED[digit]
                call.transfer(target, attended=True)
            case Digit(digit="7"):
                call.hold()
                soon(HOLD_SECS, lambda: call.hold(False))
            case Answered() if call.info.called.endswith("9"):
                call.hangup("it is noted", {"X-Desk-Note": "sold", "X-Unlisted": "1"})
            case Answered() if of:
                print("consultation", _plans[of], flush=True)
                complete = _plans[of] == "complete"
                soon(CONSULT_SECS, call.complete_transfer if complete else call.cancel_transfer)
            case Held(on=on):
                print("held" if on else "back", flush=True)
            case TransferProgress(state=state, code=code):
                print("transfer", state, code, flush=True)
                if state in ("failed", "cancelled"):
                    await call.send(chime(call.info.output_rate_hz), 0)
                    await call.end(0)


desk.accepts_calls = True


async def main(port: int, ca_file: str) -> None:
    options = GatewayOptions(port=port, ca_out=ca_file)
    async with Gateway(options, agents={"desk": desk}):
        print("serving", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
