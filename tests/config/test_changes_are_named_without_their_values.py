from sip_plugin.config.changes import MAX_NAMED, changes
from tests.config.files import AGENT, SECRETS, TRUNK, read

BASE = TRUNK + AGENT + '[[dialplan.routes]]\nnumber = "1"\nagent = "parrot"\n'


def differences(one, other, environ=SECRETS):
    return changes(read(one), read(other, environ))


def test_nothing():
    found = differences(BASE, BASE)
    assert (found.live, found.restart) == ((), ())


def test_agents_and_routes_are_live():
    other = BASE.replace('number = "1"', 'number = "2"\nlanguage = "es"')
    other += (
        '[[dialplan.routes]]\nnumber = "3"\nagent = "parrot"\n[agents.b]\nendpoint="quic://x:1"\n'
    )
    found = differences(BASE, other)
    assert found.live == (
        "agents.b added",
        "dialplan.routes[0].language changed",
        "dialplan.routes[0].number changed",
        "dialplan.routes[1] added",
    )
    assert found.restart == ()
    assert differences(other, BASE).live[0] == "agents.b removed"


def test_sockets_and_accounts_need_a_restart():
    other = BASE.replace("sip.example.net", "sip2.example.net") + "[media]\nworkers = 2\n"
    found = differences(BASE, other + '[trunks.main.numbers]\nregion = "US"\n')
    assert found.restart == ("media.workers changed", "trunks.main.domain changed")
    assert found.live == ("trunks.main.numbers.region changed",)


def test_what_an_agent_is_told_of_a_trunk_is_live():
    other = BASE.replace(TRUNK, TRUNK + 'agent_headers = ["x-account"]\n')
    found = differences(BASE, other)
    assert (found.live, found.restart) == (("trunks.main.agent_headers changed",), ())


def test_a_secret_is_named_and_not_shown():
    found = differences(BASE, BASE, {**SECRETS, "TRUNK_PASSWORD": "new", "MODEL_TOKEN": "new"})
    assert found.restart == ("trunks.main.sip_password changed",)
    assert found.live == ("agents.parrot.token changed",)


def test_thousands_of_changes_are_cut_short():
    route = '[[dialplan.routes]]\nnumber = "{}"\nagent = "parrot"\n'
    found = differences(BASE, BASE + "".join(route.format(n) for n in range(500)))
    assert len(found.live) == MAX_NAMED + 1 and found.live[-1] == "and 450 more"
