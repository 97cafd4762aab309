"""A new configuration comes in parts, is made ready while calls go on, and is taken over."""

import asyncio
import logging
from collections.abc import Callable

from pydantic import ValidationError

from sip_plugin.config import Config
from sip_plugin.planes.messages import Message, Reconfigure, ReconfigureAnswer
from sip_plugin.sip.documents import Documents, TooLong

log = logging.getLogger(__name__)


class Reconfiguring:
    def __init__(
        self, take_over: Callable[[Config], None], answer: Callable[[str, Message], None]
    ) -> None:
        """`answer` sends to the supervisor of that name."""
        self._take_over = take_over
        self._answer = answer
        self._documents = Documents()
        self._one_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        """The supervisor is gone: what it had not sent whole never comes."""
        self._documents.clear()

    def take(self, supervisor: str, message: Reconfigure) -> None:
        try:
            document = self._documents.take(message)
        except TooLong as error:
            answer = ReconfigureAnswer(request_id=message.request_id, problem=str(error))
            self._answer(supervisor, answer)
            return
        if document is None:
            return
        task = asyncio.create_task(
            self._reconfigure(supervisor, message.request_id, document), name="reconfigure"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reconfigure(self, supervisor: str, request_id: str, document: str) -> None:
        """Made ready in a thread: meanwhile calls go on."""
        problem = ""
        loop = asyncio.get_running_loop()
        async with self._one_at_a_time:  # in the order in which they were asked for
            try:
                config = await loop.run_in_executor(None, _made_ready, document)
            except ValidationError as error:
                problem = f"{error.error_count()} faults in a configuration that had none"
            else:
                self._take_over(config)
                log.info("new configuration: calls that begin now have it")
        self._answer(supervisor, ReconfigureAnswer(request_id=request_id, problem=problem))


def _made_ready(document: str) -> Config:
    """Raises ValidationError."""
    config = Config.model_validate_json(document)
    _ = config.routing  # compiled once, here
    return config
