import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from sip_plugin.config.positions import Positions

TEXT = """\
# A comment.
top = 1
[trunks."ma \\u0069n".x] # [not.this]
a.b = "[nor.this]"
list = [1, # one
  # two
  { q = 2, r.s = 3 },
  '''
[nor.that]
''', 5
]
[[dialplan.routes]]
number = "1"
[dialplan.routes.sub]
z = 1
[[dialplan.routes]]

"quoted.key" = 2
"""


def test_every_way_to_write_a_key():
    lines = Positions(TEXT)
    for path, line in {
        ("top",): 2,
        ("trunks",): 3,
        ("trunks", "ma in", "x"): 3,
        ("trunks", "ma in", "x", "a"): 4,
        ("trunks", "ma in", "x", "a", "b"): 4,
        ("trunks", "ma in", "x", "list"): 5,
        ("trunks", "ma in", "x", "list", 0): 5,
        ("trunks", "ma in", "x", "list", 1, "q"): 7,
        ("trunks", "ma in", "x", "list", 1, "r", "s"): 7,
        ("trunks", "ma in", "x", "list", 2): 8,
        ("trunks", "ma in", "x", "list", 3): 10,
        ("dialplan", "routes", 0): 12,
        ("dialplan", "routes", 0, "number"): 13,
        ("dialplan", "routes", 0, "sub", "z"): 15,
        ("dialplan", "routes", 1): 16,
        ("dialplan", "routes", 1, "quoted.key"): 18,
    }.items():
        assert lines.line(path) == line, path


def test_what_is_absent_has_the_line_of_what_is_around_it():
    lines = Positions(TEXT)
    assert lines.line(("dialplan", "routes", 1, "agent")) == 16
    assert lines.line(("dialplan", "default", "agent")) == 12
    assert lines.line(("sip", "bind")) == 0
    assert lines.line(()) == 0


def test_windows_line_ends():
    assert Positions("a = 1\r\n[b]\r\nc = 1\r\n").line(("b", "c")) == 3


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


def _quoted(key: str) -> str:
    escaped = (c if c.isalnum() else f"\\U{ord(c):08x}" for c in key)
    return '"' + "".join(escaped) + '"'


@given(st.lists(st.lists(KEYS, min_size=1, max_size=4), unique_by=lambda keys: keys[0]))
@example([["a\nb", "", "."]])
def test_a_key_of_any_characters_has_its_own_line(paths):
    text = "".join(f"{'.'.join(map(_quoted, path))} = 1\n" for path in paths)
    tomllib.loads(text)
    lines = Positions(text)
    for number, path in enumerate(paths, start=1):
        assert lines.line(tuple(path)) == number
