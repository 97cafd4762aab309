"""What is done, and told, once the SIP stack has returned: it is asked nothing from inside one of
its callbacks."""

import logging
from collections import deque
from collections.abc import Callable

from sip_plugin.sip.errors import StackError, log_fault
from sip_plugin.sip.events import Event

log = logging.getLogger(__name__)


class Afterwards:
    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.in_stack = False
        """The stack is at work: what is asked for now waits."""
        self._on_event = on_event
        self._events: deque[Event] = deque()
        self._tasks: deque[Callable[[], None]] = deque()

    def emit(self, event: Event) -> None:
        """Queue an event; it is delivered after the stack's callback has returned."""
        self._events.append(event)

    def later(self, task: Callable[[], None]) -> None:
        """Run after the stack's callback has returned."""
        self._tasks.append(task)

    def soon(self, task: Callable[[], None]) -> None:
        """Now, or once the stack's callback has returned."""
        if self.in_stack:
            self._tasks.append(task)
        else:
            task()

    def do(self) -> None:
        """The tasks that wait."""
        while self._tasks:
            task = self._tasks.popleft()
            try:
                task()
            except StackError as error:
                log.warning("%s", error)
            except Exception:
                log_fault(log, "what was to be done after a callback of the stack failed")

    def deliver(self) -> None:
        """The events that wait."""
        while self._events:
            event = self._events.popleft()
            try:
                self._on_event(event)
            except Exception:
                log_fault(log, "handling of %s failed", type(event).__name__)
