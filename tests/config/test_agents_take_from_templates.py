from tests.config.files import faults, read

HOUSE = """\
[templates.house]
endpoint = "quic://127.0.0.1:4433"
greeting = "Hello"
token = "${MODEL_TOKEN}"
[templates.house.turn]
silence_threshold_ms = 700
vad_threshold = 0.4
[templates.house.metadata]
site = "north"
"""


def test_what_an_agent_does_not_say_is_the_templates():
    config = read(
        f"""{HOUSE}
[agents.a]
template = "house"
[agents.b]
template = "house"
greeting = "Hola"
language = "es"
[agents.b.turn]
vad_threshold = 0.6
[agents.b.metadata]
desk = "2"
"""
    )
    a, b = config.agents["a"], config.agents["b"]
    assert (a.greeting, b.greeting) == ("Hello", "Hola")
    assert (a.turn.vad_threshold, b.turn.vad_threshold) == (0.4, 0.6)
    assert b.turn.silence_threshold_ms == 700
    assert b.metadata == {"site": "north", "desk": "2"}
    assert b.token.get_secret_value() == "battery staple"


def test_a_fault_of_a_template_is_told_once_and_at_its_line():
    text = (
        HOUSE.replace("0.4", "4") + "[agents.a]\ntemplate='house'\n[agents.b]\ntemplate='house'\n"
    )
    assert faults(text) == ["f.toml:7: templates.house.turn.vad_threshold: must be below 1.0"]


def test_a_number_of_a_template_may_be_a_reference():
    text = HOUSE.replace("700", '"${MS}"') + "[agents.a]\ntemplate = 'house'\n"
    config = read(text, {"MS": "800", "MODEL_TOKEN": "x"})
    assert config.agents["a"].turn.silence_threshold_ms == 800


def test_what_is_wrong_with_a_template():
    text = (
        HOUSE
        + "[agents.a]\ntemplate = 'hose'\nendpoint = 'quic://x:1'\n[agents.b]\ntemplate = 3\n"
        + "endpoint = 'quic://x:1'\n[templates.other]\ntemplate = 'house'\n"
    )
    assert faults(text) == [
        'f.toml:11: agents.a.template: there is no such [templates.NAME] (did you mean "house"?)',
        "f.toml:14: agents.b.template: there is no such [templates.NAME]",
        "f.toml:17: templates.other.template: a template has no template of its own",
    ]
    assert faults("templates = 3") == ["f.toml:1: templates: must be a table"]
    assert faults("[templates]\na = 3") == ["f.toml:2: templates.a: must be a table"]


def test_metadata_are_headers_of_one_line():
    for entry in ("X-a = '1'", "a-b = '1'", 'a = "1\\n2"', f"a = '{'x' * 257}'"):
        (fault,) = faults(f"[agents.a]\nendpoint='quic://x:1'\n[agents.a.metadata]\n{entry}\n")
        assert fault.startswith("f.toml:3: agents.a.metadata: a ")
