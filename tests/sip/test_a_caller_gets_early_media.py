"""183 with our media before the answer, as the route says."""

from collections.abc import Callable

import pytest

from sip_plugin.planes.messages import ModelReady, StartMedia
from tests.sip.conftest import SipServer


@pytest.mark.parametrize(("early", "before_model"), [("ringback", True), ("greeting", False)])
def test_the_worker_is_told_before_the_answer_and_with_it(
    start_sip: Callable[..., SipServer], early: str, before_model: bool
):
    route = {"agent": "parrot", "ring_secs": 1.0, "early_media": early}
    sip = start_sip(dialplan={"default": route})
    worker, phone = sip.worker(ready=False), sip.phone()
    phone.invite()
    if not before_model:
        assert "m=audio" not in phone.expect(180).body
    sid = worker.opened().sid
    if not before_model:
        worker.send(ModelReady(sid=sid))
    progress = phone.expect(183)
    assert progress.port == worker.port_of(worker.opened().lease_id)
    told = worker.started()
    assert (told.answered, told.early) == (False, early)
    if before_model:
        worker.send(ModelReady(sid=sid))
    answer = phone.expect(200)
    assert answer.port == progress.port
    phone.ack(answer)
    told = worker.wait(StartMedia, answered=True)
    assert (told.media.remote_rtp_port, told.early) == (40000, "none")
    phone.hang_up()
