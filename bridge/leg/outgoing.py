"""What a call of the plugin's has to say, and what it says again after a break.

Messages and uplink audio wait here until they are taken; core without I/O. docs/wire.md, section
"Breaks".
"""

from collections import deque

from bridge.leg.stats import LegStats
from bridge.wire import audio, control, messages
from bridge.wire.limits import CATCH_UP_FRAMES, MAX_GAP_FRAMES, RECENT_FRAMES
from bridge.wire.resumption import Resumption

_PING = control.encode(messages.Ping())


class Outgoing:
    """One call's."""

    def __init__(self, opening: bytes, break_: Resumption, stats: LegStats) -> None:
        """`opening` is said first."""
        self._break = break_
        self._stats = stats
        self._opening = opening
        self._messages = [opening]
        self._held: list[bytes] = []
        """What the agent is told once it has taken the call: a fast callee answers before."""
        self._audio: deque[audio.UplinkFrame] = deque()
        self._recent: deque[audio.UplinkFrame] = deque(maxlen=RECENT_FRAMES)
        """Frames that have left, for a gateway that has lost some."""
        self._catching_up = False
        """Audio of a break is on its way, faster than real time."""
        self._ask_again: bytes | None = None
        self._answered = False
        self._last_ask: bytes | None = None
        """The commit, or what stands for one, that was said last."""
        self.finished = False
        """What waits is the last."""

    @property
    def behind(self) -> bool:
        """Audio waits, or has waited, for a connection."""
        return self._break.lost or self._catching_up

    # --- what is said ------------------------------------------------------------------------

    def say(self, message: messages.Message, *, at_once: bool) -> None:
        """Queue a message: not `at_once` it waits for `release`."""
        body = control.encode(message)
        (self._messages if at_once else self._held).append(body)
        if isinstance(message, messages.Commit | messages.NoInput):
            self._last_ask = body
        elif isinstance(message, messages.Answered):
            self._answered = True

    def release(self) -> None:
        """The agent has taken the call."""
        self._messages += self._held
        self._held.clear()

    def append(self, frame: audio.UplinkFrame) -> None:
        self._audio.append(frame)
        # What is said again comes on top.
        most = MAX_GAP_FRAMES if self._break.lost else MAX_GAP_FRAMES + RECENT_FRAMES
        if self.behind and len(self._audio) > most:
            self._audio.popleft()
            self._stats.uplink_shed += 1

    # --- what leaves -------------------------------------------------------------------------

    @property
    def has_messages(self) -> bool:
        return bool(self._messages) or self.finished

    def take_messages(self) -> tuple[list[bytes], bool]:
        """Messages for the control track, and whether they are its last."""
        if self._break.lost:
            asked, self._ask_again = self._ask_again, None
            out = [asked] if asked is not None else []
            if self.finished:
                out += self._messages[-1:]
            return out, self.finished
        if self._catching_up and not self.finished:
            # What is said belongs behind the audio of the gap, but for a sign of life.
            out = [body for body in self._messages if body == _PING]
            self._messages = [body for body in self._messages if body != _PING]
        else:
            out, self._messages = self._messages, []
        self._break.say(out)
        return out, self.finished

    def take_audio(self) -> list[audio.UplinkFrame]:
        """Frames, in order; after a break a few at a time."""
        if self._break.lost:
            return []
        count = len(self._audio)
        if self._catching_up:
            self._catching_up = count > CATCH_UP_FRAMES
            count = min(count, CATCH_UP_FRAMES)
        out = [self._audio.popleft() for _ in range(count)]
        self._recent.extend(out)
        return out

    # --- a break of the connection -----------------------------------------------------------

    def begin_again(self) -> None:
        """Nobody has heard of the call yet: it begins on another connection."""
        self._messages = [self._opening]
        self._break.begin_again()

    def ask_again(self, opening: bytes | None) -> None:
        """On the next connection this is said first; None: there is none."""
        self._ask_again = opening

    @property
    def first_seq(self) -> int:
        """The first uplink frame that a gateway which has forgotten the call would get."""
        left = self._left()
        return left[0].seq if left else 0

    def unanswered(self, unheard: bool) -> int | None:
        """The first turn that such a gateway is asked about, if there is one."""
        asked = [
            message.turn
            for message in map(control.decode_from_plugin, self._outstanding(unheard))
            if isinstance(message, messages.Commit | messages.NoInput)
        ]
        return min(asked, default=None)

    def go_on(self, resumed: messages.Resumed) -> None:
        """The gateway has kept the call. Raises WireError when it lacks what nobody has kept."""
        self._messages = self._break.lacking(resumed.received) + self._messages
        again = [frame for frame in self._recent if frame.seq >= resumed.next_seq]
        self._recent.clear()
        self._audio.extendleft(reversed(again))
        self._catching_up = True

    def start_over(self, unheard: bool) -> None:
        """The gateway has forgotten the call, and has taken it as a new one."""
        outstanding = self._outstanding(unheard)
        answered = [control.encode(messages.Answered())] if self._answered else []
        self._messages = [*answered, *outstanding]
        self._audio = deque(self._left())
        self._recent.clear()
        self._break.start_over()
        self._catching_up = True

    def _left(self) -> list[audio.UplinkFrame]:
        return [*self._recent, *self._audio][-MAX_GAP_FRAMES:]

    def _outstanding(self, unheard: bool) -> list[bytes]:
        """What is said again to a gateway that has forgotten the call: the commit whose reply has
        not begun (`unheard`), and what was said since the break."""
        last = [self._last_ask] if unheard and self._last_ask is not None else []
        return [body for body in last if body not in self._messages] + self._messages
