"""A part of a FreeSWITCH dialplan in XML, turned into our TOML.

Taken over: extensions of one context whose conditions are regular expressions on
`destination_number` and `caller_id_number`, and what their first actions amount to: hangup and
respond are refusals, playback a prompt, redirect and deflect what they say, sleep and ring_ready
a time to ring, and anything that talks to the caller becomes an agent. What is left out is told by
its line.
"""

import re
from dataclasses import dataclass, field
from xml.parsers import expat

from dialplan import regex
from dialplan.imported import SIP_CODES, Imported, toml_value
from dialplan.outcome import PLACE, is_target

MAX_DEPTH = 32
_TALK = frozenset(
    {
        *("bridge", "voicemail", "ivr", "conference", "echo", "socket", "lua", "javascript"),
        *("fifo", "callcenter", "park", "valet_park", "play_and_get_digits", "read", "record"),
        *("audio_stream", "say", "speak", "pickup", "eavesdrop"),
    }
)
_SILENT = frozenset({"log", "info", "pre_answer", "hash", "limit", "db", "unset"})
_CAUSES = {
    "UNALLOCATED_NUMBER": 1,
    "NORMAL_CLEARING": 16,
    "USER_BUSY": 17,
    "NO_USER_RESPONSE": 18,
    "NO_ANSWER": 19,
    "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21,
    "NUMBER_CHANGED": 22,
    "INVALID_NUMBER_FORMAT": 28,
    "NORMAL_CIRCUIT_CONGESTION": 34,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "SWITCH_CONGESTION": 42,
    "INCOMPATIBLE_DESTINATION": 88,
}


@dataclass
class _Element:
    line: int
    name: str
    attributes: dict[str, str]
    children: list["_Element"] = field(default_factory=list)


def read(text: str, context: str = "", agent: str = "parrot") -> Imported:
    """Turn one context into routes. Raises ValueError for what is no such document.

    Without `context` it is the first one. A document with a DOCTYPE is refused, and with it
    every entity of its own making; nothing outside of the text is read.
    """
    found = [e for e in _walk(_parse(text)) if e.name == "context"]
    named = next((e for e in found if context in ("", e.attributes.get("name"))), None)
    if named is None:
        raise ValueError(f"there is no context {context or 'in it'}")
    reader = _Reader(agent)
    for element in named.children:
        if element.name == "extension":
            reader.extension(element)
        else:
            reader.leave(element.line, f"{element.name}: only extensions are taken over")
    name = named.attributes.get("name", "")
    title = re.sub(r"[^\w.-]", "", name)[:64]
    toml = "\n".join([f"# From context {title} of a FreeSWITCH dialplan.", *reader.out])
    return Imported(toml.rstrip() + "\n", tuple(sorted(reader.left)))


def _parse(text: str) -> _Element:
    root = _Element(0, "", {})
    open_elements = [root]
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAX_DEPTH:
            raise ValueError(f"line {parser.CurrentLineNumber}: nested too deeply")
        element = _Element(parser.CurrentLineNumber, name, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_name: str) -> None:
        open_elements.pop()

    def doctype(*_: object) -> None:
        raise ValueError("has a DOCTYPE, which is refused: entities could read other files")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise ValueError(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
    return root


def _walk(element: _Element) -> list[_Element]:
    found = [element]
    for child in element.children:
        found += _walk(child)
    return found


class _Reader:
    def __init__(self, agent: str) -> None:
        self._agent = agent
        self.left: list[tuple[int, str]] = []
        self.out: list[str] = []

    def leave(self, line: int, why: str) -> None:
        self.left.append((line, why))

    def extension(self, extension: _Element) -> None:
        if extension.attributes.get("continue") == "true":
            self.leave(extension.line, "an extension that goes on to the next (continue)")
            return
        keys: dict[str, object] = {}
        name = re.sub(r"[^A-Za-z0-9_ .-]", " ", extension.attributes.get("name", ""))[:64]
        if name.strip():
            keys["name"] = name.strip()
        actions: list[_Element] = []
        for condition in extension.children:
            nested = any(child.name == "condition" for child in condition.children)
            why = "nested conditions" if nested else self._condition(condition, keys)
            if why:
                self.leave(condition.line, why)
                return
            actions += condition.children
        if not keys.keys() & {"regex", "caller_regex"}:
            self.leave(extension.line, "an extension for all calls: write [dialplan.default]")
            return
        groups = regex.compiled(str(keys.get("regex", ""))).groups if "regex" in keys else 0
        if "caller_regex" in keys and regex.compiled(str(keys["caller_regex"])).groups:
            groups = 0  # $1 could be either's
        action = self._action(actions, groups)
        if not action:
            self.leave(extension.line, "an extension that does nothing that a route can do")
            return
        self.out += ["", "[[dialplan.routes]]"]
        self.out += [f"{key} = {toml_value(value)}" for key, value in (keys | action).items()]

    def _condition(self, condition: _Element, keys: dict[str, object]) -> str:
        """Put a condition into the keys; why it cannot be, or nothing."""
        attributes = condition.attributes
        if condition.name != "condition":
            return f"{condition.name}: only conditions are taken over"
        if set(attributes) - {"field", "expression"}:
            return "a condition with more than a field and an expression"
        if not attributes:
            return ""
        which = {"destination_number": "regex", "caller_id_number": "caller_regex"}
        key = which.get(attributes.get("field", ""))
        if key is None:
            return f"a condition on {attributes.get('field', 'nothing')[:64]}"
        if key in keys:
            return "two conditions on the same field"
        expression = _whole(attributes.get("expression", ""))
        try:
            regex.compiled(expression)
        except ValueError as error:
            return f"the expression: {error}"
        if len(expression) > 256:
            return "the expression has more than 256 characters"
        keys[key] = expression
        return ""

    def _action(self, actions: list[_Element], groups: int) -> dict[str, object]:
        found: dict[str, object] = {}
        variables: dict[str, str] = {}
        ring = 0.0
        for element in actions:
            application = element.attributes.get("application", "").lower()
            data = element.attributes.get("data", "")
            if element.name != "action":
                self.leave(element.line, f"{element.name}: only actions are taken over")
            elif "prompt" in found and application in ("hangup", "respond"):
                found["hangup_cause"] = _cause(data)
                break
            elif found and not ("prompt" in found and application in _TALK | {"deflect"}):
                self.leave(element.line, f"{application}: comes after the decision")
            elif application in ("set", "export"):
                self._set(element.line, data, groups, variables)
            elif application in ("sleep", "ring_ready"):
                ring += int(data) / 1000 if re.fullmatch(r"[0-9]{1,6}", data) else 0.0
            elif application == "hangup":
                found["reject"] = SIP_CODES.get(_cause(data), 480)
            elif application == "respond" and re.match(r"[456][0-9]{2}\b", data):
                found["reject"] = int(data[:3])
            elif application in ("redirect", "deflect"):
                target = _places(data.strip(), groups)
                if "$" in target or not is_target(PLACE.sub("0", target)):
                    self.leave(element.line, f"{application}: to what is no number or address")
                else:
                    found["redirect" if application == "redirect" else "transfer"] = target
            elif application == "playback" and data and "$" not in data:
                found["prompt"] = data
            elif application in _TALK:
                found["agent"] = self._agent
                self.leave(element.line, f"{application}: agent {self._agent} answers")
            elif application not in _SILENT | {"answer"}:
                self.leave(element.line, f"{application or 'an action'}: there is nothing like it")
        answers = any(element.attributes.get("application") == "answer" for element in actions)
        if not found and answers:
            found["agent"] = self._agent
        if ring and found and not found.keys() & {"reject", "redirect"}:
            found["ring_secs"] = min(ring, 60.0)
        if "agent" in found and variables:
            found["variables"] = variables
        return found

    def _set(self, line: int, data: str, groups: int, variables: dict[str, str]) -> None:
        name, equals, value = data.partition("=")
        plain = {"default_language": "language"}.get(name.strip(), name.strip().lower())
        value = _places(value.strip(), groups)
        fits = re.fullmatch(r"[a-z][a-z0-9_]{0,63}", plain) and len(variables) < 16
        if equals and fits and "$" not in value and len(value) <= 256:
            variables[plain] = value
        else:
            self.leave(line, "set: a function, or what no variable of ours can be")


def _whole(expression: str) -> str:
    """FreeSWITCH searches for an expression, here it must match the whole number."""
    anchored = expression.startswith("^") and re.search(r"(?<!\\)(\\\\)*\$$", expression)
    if anchored and "|" not in expression:
        return expression
    return f".*(?:{expression}).*"


def _places(value: str, groups: int) -> str:
    """Variables and groups as our places; others keep their `$`, and are refused."""
    value = value.replace("{", "{{").replace("}", "}}")
    value = value.replace("${{destination_number}}", "{called}")
    value = value.replace("${{caller_id_number}}", "{caller}")

    def group(match: re.Match[str]) -> str:
        return f"{{{match[1]}}}" if 1 <= int(match[1]) <= groups else match[0]

    return re.sub(r"\$([0-9]{1,2})", group, value)


def _cause(data: str) -> int:
    word = data.strip().upper()
    if re.fullmatch(r"[0-9]{1,3}", word):
        return min(max(int(word), 1), 127)
    return _CAUSES.get(word, 16)
