"""What the SIP stack writes into the log at level debug has no keys of SRTP in it."""

from sip_plugin.sip.pj_endpoint import masked


def test_the_key_of_every_line_is_masked():
    text = (
        "m=audio 4000 RTP/SAVP 0\r\n"
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0LW9uZQ==|2^20\r\n"
        "A=CRYPTO:2 AES_CM_128_HMAC_SHA1_32 INLINE:c2VjcmV0LXR3bw==;inline:c2VjcmV0LXRocmVl\r\n"
        "a=sendrecv\r\n"
    )

    shown = masked(text)

    assert "c2Vjcm" not in shown
    assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:********|2^20" in shown
    assert "a=sendrecv" in shown
