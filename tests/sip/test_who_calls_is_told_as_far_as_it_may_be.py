"""Caller-ID both ways: From, P-Asserted-Identity (RFC 3325), Privacy (RFC 3323)."""

import pytest

from sip_plugin.config import TrunkConfig
from sip_plugin.planes.messages import OpenCall, Originate
from sip_plugin.sip.identity import identity
from sip_plugin.sip.trunks import Trunk
from tests.sip.plane import Supervisor

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


def of(caller_id: str, **keys):
    config = {"domain": "sip.example.net", "sip_username": "1001", **keys}
    return identity(Trunk("main", TrunkConfig.model_validate(config)), caller_id)


@pytest.mark.parametrize(
    ("caller_id", "keys", "local_uri", "headers"),
    [
        ("", {}, "", {}),
        ("+15550001111", {}, "<sip:+15550001111@sip.example.net>", {}),
        (
            "+15550001111",
            {"display_name": "Acme"},
            '"Acme" <sip:+15550001111@sip.example.net>',
            {},
        ),
        (
            "+15550001111",
            {"asserted_identity": True},
            "<sip:+15550001111@sip.example.net>",
            {"P-Asserted-Identity": "<sip:+15550001111@sip.example.net>"},
        ),
        (
            "",
            {"asserted_identity": True},
            "",
            {"P-Asserted-Identity": "<sip:1001@sip.example.net>"},
        ),
        ("+15550001111", {"withhold_caller_id": True}, ANONYMOUS, {"Privacy": "id"}),
        (
            "+15550001111",
            {"withhold_caller_id": True, "asserted_identity": True},
            ANONYMOUS,
            {
                "P-Asserted-Identity": "<sip:+15550001111@sip.example.net>",
                "Privacy": "id",
            },
        ),
        ("anonymous", {}, ANONYMOUS, {"Privacy": "id"}),
    ],
)
def test_what_goes_out(caller_id, keys, local_uri, headers):
    found = of(caller_id, **keys)

    assert found.local_uri == local_uri
    assert dict(found.headers) == headers


def trunk(port: int = 9, **keys) -> dict:
    return {
        "main": {
            "domain": f"127.0.0.1:{port}",
            "require_registration": False,
            "allow_from": ["127.0.0.1"],
            **keys,
        }
    }


ASSERTED = "P-Asserted-Identity: <sip:+15550009999@127.0.0.1>, <tel:+15550009999>\r\n"


@pytest.mark.parametrize(
    ("trusted", "headers", "caller"),
    [
        (True, ASSERTED, "+15550009999"),
        (False, ASSERTED, "+15550001111"),
        (True, "", "+15550001111"),
        (True, ASSERTED + "Privacy: id\r\n", ""),
        (True, "P-Asserted-Identity: nonsense\r\n", "+15550001111"),
    ],
)
def test_who_calls_in(start_sip, trusted, headers, caller):
    sip = start_sip(trunks=trunk(asserted_identity=trusted))
    worker, phone = sip.worker(), sip.phone()

    phone.call(headers=headers)

    assert worker.wait(OpenCall).caller == caller
    phone.hang_up()


def test_the_far_side_sees_it(start_sip):
    far = start_sip().phone()
    sip = start_sip(trunks=trunk(far.port, asserted_identity=True, withhold_caller_id=True))
    sip.worker()
    supervisor: Supervisor = sip.supervisor()

    supervisor.send(
        Originate(
            request_id="r", number="+15550002222", agent_name="parrot", caller_id="+15550001111"
        )
    )
    invite = far.expect("INVITE")
    far.reply(invite, 486, "Busy Here")

    assert invite.headers["from"].startswith(ANONYMOUS)
    assert invite.headers["privacy"] == "id"
    domain = f"127.0.0.1:{far.port}"
    assert invite.headers["p-asserted-identity"] == f"<sip:+15550001111@{domain}>"
