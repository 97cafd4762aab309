from pathlib import Path

import pytest

from bridge.agent import AgentSpec, TlsOptions
from bridge.backends import OPTIONS
from bridge.leg.interface import HangupAsked, Transcript
from bridge.leg.quic import QuicConnection
from sip_plugin.config import ConfigError
from sip_plugin.gateway.agents import made
from sip_plugin.gateway.load import load, loads
from sip_plugin.gateway.models import ListenConfig
from tests.gateway.command import started
from tests.leg.network import Phone, run, speech
from tests.tokens.keys import pair

ROOT = Path(__file__).parents[2]


def read(text, **environ):
    return loads(text, name="gateway.toml", folder=ROOT, environ=environ)


def faults(text, **environ):
    with pytest.raises(ConfigError) as error:
        read(text, **environ)
    return [str(issue) for issue in error.value.issues]


def test_the_example_file_is_valid_and_its_secrets_are_masked():
    text = (ROOT / "examples" / "gateway.toml").read_text()
    config = read(text, MODEL_TOKEN="hush", OPENAI_API_KEY="secret")
    assert config.agents["reception"].api_key.get_secret_value() == "secret"
    assert "secret" not in repr(config)
    assert "hush" not in repr(config)
    assert config.gateway.options().port == 4433


def test_a_reference_may_stand_for_a_number():
    text = '[gateway]\nmax_calls = "${N}"\n[agents.a]\nbackend = "parrot"\n'
    assert read(text, N="7").gateway.max_calls == 7


def test_a_key_for_tokens_comes_from_a_file_and_is_masked(tmp_path):
    private, public = pair()
    (tmp_path / "public.pem").write_text(public)
    text = f'[gateway.jwt]\nkey = "${{file:{tmp_path}/public.pem}}"\n' + PARROT
    options = read(text).gateway.options()
    assert options.jwt.key.get_secret_value().strip() == public.strip()
    assert public[40:60] not in repr(options)
    assert faults(f'[gateway.jwt]\nkey = """{private}"""\n' + PARROT) == [
        "gateway.toml:1: gateway.jwt: key must be the public key of Ed25519, PEM"
    ]


PARROT = '[agents.a]\nbackend = "parrot"\n'
OPENAI = '[agents.a]\nbackend = "openai"\n'
VLLM = '[agents.a]\nbackend = "vllm"\nurl = "ws://h"\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", " agents: there must be at least one [agents.NAME]"),
        ("[agents.a]\n", "1: agents.a.backend: this key is required"),
        ('[agents.a]\nbackend = "opnai"\n', "2: agents.a.backend: there is no such backend (did"),
        (VLLM + 'modl = "m"\n', '4: agents.a.modl: unknown key (did you mean "model"?)'),
        (OPENAI + 'reconnects = "1"\n', "3: agents.a.reconnects: must be a whole number"),
        (OPENAI + 'url = "http://h"\n', "3: agents.a.url: must be wss://HOST/… or ws://HOST/…"),
        (OPENAI + 'tools = ["hangupp"]\n', "3: agents.a.tools[0]: must be"),
        (OPENAI + 'headers = { Host = "x" }\n', "3: agents.a.headers: Host cannot be set here"),
        (OPENAI + 'api_key = "${NO}"\n', "3: agents.a.api_key: the environment variable NO"),
        (
            VLLM + 'model = "m"\ndialect = "turns"\nvoice = "v"\ntools = ["hangup"]\n',
            "1: agents.a: voice and tools cannot be told in dialect turns: take it out",
        ),
        ("[gatway]\n" + PARROT, '1: gatway: unknown table (did you mean "gateway"?)'),
        ('[gateway]\nlisten = "x:y"\n' + PARROT, "2: gateway.listen: the port must be"),
        ('[gateway]\ncert_file = "a"\n' + PARROT, "1: gateway: cert_file and key_file belong"),
        ("agents = 5\n", "1: agents"),
        ("[agents.a\n", "1: "),
    ],
)
def test_a_fault_is_told_with_its_line(text, fault):
    assert [told for told in faults(text) if told.startswith(f"gateway.toml:{fault}")], faults(text)


def test_a_table_that_lacks_more_than_one_key_hides_no_other():
    told = faults('[agents.a]\nbackend = "vllm"\n[agents.b]\nbackend = "parrot"\npaces = 1\n')
    assert told == [
        "gateway.toml:1: agents.a.url: this key is required",
        "gateway.toml:1: agents.a.model: this key is required",
        'gateway.toml:5: agents.b.paces: unknown key (did you mean "pace"?)',
    ]


def refused(path: Path, text: str) -> str:
    """Why agents cannot be made of a file whose text is sound."""
    path.write_text(text)

    async def story():
        with pytest.raises(ConfigError) as error:
            made(load(path), path)
        told.append(str(error.value))

    told: list[str] = []
    run(story())
    return told[0]


@pytest.mark.parametrize(
    ("ca_file", "fault"),
    [
        ("/no/ca.pem", "/no/ca.pem cannot be read: No such file or directory"),
        (__file__, f"{__file__} holds no certificate in PEM"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_at_its_line(ca_file, fault, tmp_path):
    path = tmp_path / "gateway.toml"
    told = refused(path, OPENAI + f'ca_file = "{ca_file}"\n')
    assert told == f"{path}:3: agents.a.ca_file: {fault}"


def test_words_that_nobody_can_say_are_told_at_their_line(tmp_path):
    pytest.importorskip("pocketsphinx")
    path = tmp_path / "gateway.toml"
    told = refused(path, CASCADE + 'rules = [{ phrases = ["blorp"], says = "x" }]\n')
    words = "pocketsphinx does not know how to say: blorp; spell it as English words"
    assert told == f"{path}:4: agents.a.llm.rules: {words}"


def test_every_fault_is_told_at_once_and_no_value_is_repeated():
    told = faults(
        '[gateway]\nmaxcalls = 3\n[agents.a]\nbackend = "openai"\nspeed = 9.5\nvoice = 7\n'
        'url = "wss://me:pass-word@h"\n[[agents.a.functions]]\nname = "x y"\nurl = "ftp://h"\n'
    )
    assert len(told) == 6
    assert "pass-word" not in "".join(told)


def test_the_command_serves_the_agents_of_the_file(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[gateway]\nlisten = "127.0.0.1:0"\nwrite_ca = "' + str(tmp_path / "ca.pem") + '"\n'
        'log_level = "warning"\ntoken = "${MODEL_TOKEN}"\n'
        '[agents.test]\nbackend = "scripted"\n'
        '[[agents.test.script]]\nheard = "Hello?"\ntext = "Bye."\ntone_ms = 100\nhangup = true\n'
    )

    async def story():
        process = await started("-c", str(path), MODEL_TOKEN="hush")
        printed = []
        while not printed or "ca_file" not in printed[-1]:
            printed.append((await process.stdout.readline()).decode())
            assert printed[-1], (await process.stderr.read()).decode()
        endpoint = printed[0].split()[-1]
        assert printed[1] == "agents: test\n"
        line = QuicConnection(endpoint, TlsOptions(ca_file=str(tmp_path / "ca.pem")))
        agent = AgentSpec(endpoint=endpoint, agent="test", token="hush")
        phone = await Phone(line, agent).opened()
        phone.call.answered()
        phone.call.commit(1, phone.say(speech(0.3)))
        assert len(await phone.reply_to(1)) == 2400
        await phone.until_event(HangupAsked)
        said = [(e.role, e.text) for e in phone.events if isinstance(e, Transcript)]
        assert said == [("caller", "Hello?"), ("agent", "Bye.")]
        await line.close()
        process.terminate()
        _, errors = await process.communicate()
        assert process.returncode == 0, errors

    run(story())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-c", "/nowhere.toml"], b"/nowhere.toml: cannot be read"),
        (["-c", str(ROOT / "examples" / "gateway.toml"), "--pace", "2"], b"--pace belongs into"),
    ],
)
def test_a_wrong_use_of_the_file_says_what_is_wrong(options, said):
    async def story():
        process = await started(*options)
        _, errors = await process.communicate()
        assert (process.returncode, said in errors) == (2, True), errors

    run(story())


def test_the_document_lists_every_key_of_a_cascades_stages():
    text = (ROOT / "docs" / "gateway.md").read_text()
    for stage in ("asr", "llm", "tts"):
        model = OPTIONS["cascade"].model_fields[stage].annotation
        assert [key for key in model.model_fields if f"`{stage}.{key}`" not in text] == []


CASCADE = '[agents.a]\nbackend = "cascade"\n[agents.a.llm]\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (CASCADE, "3: agents.a.llm: engine rules needs at least one [[agents.NAME.llm.rules]]"),
        (CASCADE + 'engine = "chat"\n', "3: agents.a.llm: engine chat needs url and model"),
        (CASCADE + 'engine = "chatt"\n', '4: agents.a.llm.engine: must be "rules" or "chat"'),
        (
            CASCADE + '[[agents.a.llm.rules]]\nphrases = ["<x>"]\nsays = "y"\n',
            "5: agents.a.llm.rules[0].phrases[0]: must be words of A-Z a-z ', and at most one",
        ),
        ('[agents.a]\nbackend = "cascade"\n', "1: agents.a.llm: this key is required"),
    ],
)
def test_a_fault_of_a_cascade_is_told_at_its_line(text, fault):
    (told,) = faults(text)
    assert told.startswith(f"gateway.toml:{fault}"), told


@pytest.mark.parametrize("name", ["openai", "vllm", "scripted", "parrot", "cascade"])
def test_the_document_lists_every_key_of_a_backend(name):
    text = (ROOT / "docs" / "gateway.md").read_text()
    keys = [key for key in OPTIONS[name].model_fields if key not in ("asr", "llm", "tts")]
    assert [key for key in keys if f"`{key}`" not in text] == []
    assert [key for key in ListenConfig.model_fields if f"`{key}`" not in text] == []
