import pytest

from sip_plugin.config import TrunkConfig
from tests.config.files import AGENT, TRUNK, faults


def test_all_faults_of_a_file_come_at_once():
    text = """\
[sip]
bind = "sip.example.net:5060"
max_calls = true
workers = 3

[media]
rtp_start_port = 20000
rtp_end_port = 10000

[trunks.main]
domain = "sip.example.net:99999"
registar = "x"
sip_pasword = "hunter2"

[trunks.ip]
domain = "sip.example.net"
require_registration = false

[trunks.half]
require_registration = "no"

[agents.parrot]
endpoint = "udp://127.0.0.1"
input_rate_hz = 44100

[agents.parrot.turn]
vad_threshold = 2

[[dialplan.routes]]
number = "٣"
agent = "parot"

[[dialplan.routes]]
number = 12
[dialplan.default]
reject = 200
"""
    assert faults(text) == [
        "f.toml:2: sip.bind: bind to an IP address of this machine, or to 0.0.0.0 for all of them",
        "f.toml:3: sip.max_calls: must be a whole number",
        "f.toml:4: sip.workers: unknown key (it belongs into [media])",
        "f.toml:8: media.rtp_end_port: must be above rtp_start_port (20000)",
        "f.toml:10: trunks.main.sip_username: is needed to register (require_registration = true)",
        "f.toml:11: trunks.main.domain: the port must be a number from 1 to 65535",
        "f.toml:12: trunks.main.registar: unknown key "
        f"(known here: {', '.join(TrunkConfig.model_fields)})",
        'f.toml:13: trunks.main.sip_pasword: unknown key (did you mean "sip_password"?)',
        "f.toml:15: trunks.ip.allow_from: must name a source: without registration "
        "(require_registration = false) calls are accepted from these addresses only",
        "f.toml:19: trunks.half.domain: this key is required",
        "f.toml:20: trunks.half.require_registration: must be true or false, without quotes",
        "f.toml:23: agents.parrot.endpoint: "
        "must be quic://HOST:PORT or moqt://HOST:PORT, the port from 1 to 65535",
        "f.toml:24: agents.parrot.input_rate_hz: must be 8000, 16000, 24000 or 48000",
        "f.toml:27: agents.parrot.turn.vad_threshold: must be below 1.0",
        "f.toml:30: dialplan.routes[0].number: neither a telephone number nor a plain ASCII name",
        'f.toml:31: dialplan.routes[0].agent: there is no such agent (did you mean "parrot"?)',
        "f.toml:34: dialplan.routes[1].number: must be a string, in quotes",
        "f.toml:36: dialplan.default.reject: must be at least 400",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = ", "f.toml:1: Invalid value"),
        ("[sip]\n\nbind = 'x", 'f.toml:3: Expected "\'"'),
        ("[sip]\n[sip]\n", "f.toml:2: Cannot declare ('sip',) twice"),
        ("\n[sip]\nmax_calls = 1\nmax_calls = 2\n", "f.toml:4: Cannot overwrite a value"),
        ("[trunk.main]\n", 'f.toml:1: trunk: unknown key (did you mean "trunks"?)'),
        ("trunks = 1\n", "f.toml:1: trunks: must be a table"),
        ("sip = []\n", "f.toml:1: sip: must be a table"),
        ("dialplan.routes = 3\n", "f.toml:1: dialplan.routes: must be a list, in [ ]"),
        (
            '\n[trunks."a b"]\ndomain = "x"\nsip_username = "x"\n',
            "f.toml:2: trunks.a b: a name has 1 to 64 of the characters A-Z a-z 0-9 _ -",
        ),
        ("[dialplan.default]\n", "f.toml:1: dialplan.default: needs one action of agent, agents, "),
        ("[service]\nlog_level = 'warn'", 'f.toml:2: service.log_level: must be "debug", '),
        ("[service]\nrun_dir = '" + "x" * 81 + "'", "f.toml:2: service.run_dir: has 81 bytes, "),
        ('[sip]\nuser_agent = "a\\r"', "f.toml:2: sip.user_agent: must not contain control "),
        (
            "[media]\nrtp_start_port = 10000\nrtp_end_port = 10006\n",
            "f.toml:3: media.rtp_end_port: the range has room for 3 RTP/RTCP port pairs, but ",
        ),
        (
            "[sip]\nmax_calls = 9\n[media]\nrtp_start_port = 10001\nrtp_end_port = 10018\n",
            "f.toml:5: media.rtp_end_port: the range has room for 8 RTP/RTCP port pairs, "
            "but sip.max_calls is 9",
        ),
    ],
)
def test_one_fault(text, fault):
    (only,) = faults(text)
    assert only.startswith(fault)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('"10.0.0.1/8"', "bits are set beyond the prefix: write the network's first address"),
        ('"example.net"', "not an IP address or network (CIDR)"),
        ("167772160", "must be a string, in quotes"),
    ],
)
def test_a_source_must_be_an_address_or_network(source, fault):
    text = f'{TRUNK}allow_from = [\n  "10.0.0.0/8",\n  {source},\n]\n'
    assert faults(text) == [f"f.toml:7: trunks.main.allow_from[1]: {fault}"]


def test_a_fault_is_not_followed_by_its_echoes():
    # The agent is faulty, not absent; the misspelt table is named once; the username is there.
    text = f"""\
{TRUNK.replace("sip_username", "sip_usernam")}
[agent.parrot]
endpoint = "quic://127.0.0.1:4433"
[agents.other]
endpoint = "nowhere"
[[dialplan.routes]]
number = "1"
agent = "parrot"
[[dialplan.routes]]
number = "2"
agent = "other"
"""
    assert faults(text) == [
        'f.toml:3: trunks.main.sip_usernam: unknown key (did you mean "sip_username"?)',
        'f.toml:6: agent: unknown key (did you mean "agents"?)',
        "f.toml:9: agents.other.endpoint: "
        "must be quic://HOST:PORT or moqt://HOST:PORT, the port from 1 to 65535",
    ]


def test_more_trunks_than_the_sip_stack_has_room_for():
    text = "".join(TRUNK.replace(".main", f".t{n}") for n in range(65)) + AGENT
    assert faults(text) == ["f.toml:1: trunks: must have at most 64 items"]
