"""A description that a call's media cannot be had by, beside a call that works, in one worker."""

import asyncio

from bridge.secret import Secret
from sip_plugin.media.description import MediaDescription, PhoneCodec, SrtpKeys, SrtpSuite
from sip_plugin.planes.messages import EndCall
from tests.worker.line import Line, hum, until

TOO_SHORT = Secret("AAAA")


def test_the_call_is_given_up_and_the_other_goes_on(on_stage):
    async def story(host, _gateway):
        good, bad = Line(), Line()
        good.phone.remote_port = await host.open("good", good.phone.port)
        await host.open("bad", bad.phone.port)
        talking = asyncio.create_task(good.talk(60))
        keys = SrtpKeys(suite=next(iter(SrtpSuite)), send=TOO_SHORT, receive=TOO_SHORT)
        media = MediaDescription(
            codec=PhoneCodec.ULAW,
            remote_address="127.0.0.1",
            remote_rtp_port=bad.phone.port,
            remote_rtcp_port=bad.phone.port + 1,
            tx_payload_type=0,
            rx_payload_type=0,
            srtp=keys,
        )
        host.start("bad", media)
        await until(lambda: any(isinstance(m, EndCall) for m in host.told), "the bad call's end")
        assert {(m.sid, m.cause) for m in host.told if isinstance(m, EndCall)} == {
            ("bad", "media_failed")
        }
        before = good.loud
        await until(lambda: good.loud > before + 20, "the good call to go on")
        talking.cancel()
        assert (await host.close("bad"))["duration_ms"] == 0
        assert host.links == 1

    on_stage(hum, story)
