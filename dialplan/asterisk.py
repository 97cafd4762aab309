"""A part of Asterisk's extensions.conf, turned into our TOML.

Taken over: contexts, `exten =>` and `same =>` with numbers and patterns, `include =>` (also with
times), and what the first applications of an extension amount to: Hangup and Congestion and Busy
are refusals, Playback before the end is a prompt (with noanswer one before a refusal), Transfer a
redirect, Wait and Ringing a time to ring, and anything that talks to the caller (Answer, Dial,
Queue, VoiceMail, AGI, Stasis, …) becomes an agent. What is left out is told by its line.
"""

import re
from dataclasses import dataclass, field

from dialplan import pattern
from dialplan.imported import SIP_CODES, Imported, toml_value
from dialplan.number import normalize
from dialplan.outcome import PLACE, is_target

_SECTION = re.compile(r"\[([^\]]+)\](?:\([^)]*\))?")
_EXTEN = re.compile(r"exten\s*=>?\s*([^,]+?)\s*,\s*([^,]+?)\s*,\s*(.*)", re.IGNORECASE)
_SAME = re.compile(r"same\s*=>?\s*([^,]+?)\s*,\s*(.*)", re.IGNORECASE)
_INCLUDE = re.compile(r"include\s*=>?\s*(.*)", re.IGNORECASE)
_CALL = re.compile(r"\s*([A-Za-z]\w*)\s*(?:\((.*)\))?\s*")
_REFUSALS = frozenset({"hangup", "busy", "congestion"})
_TALK = frozenset(
    {
        *("answer", "dial", "queue", "voicemail", "agi", "eagi", "stasis", "meetme", "confbridge"),
        *("echo", "read", "background", "audiosocket", "externalivr", "directory"),
        *("voicemailmain", "record", "musiconhold", "sayunixtime"),
    }
)
_SILENT = frozenset({"noop", "verbose", "log", "progress"})
_SPECIAL = frozenset("sithoaeT")

MAX_DEPTH = 16


@dataclass
class _Extension:
    line: int
    caller: str = ""
    steps: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class _Context:
    extensions: dict[str, _Extension] = field(default_factory=dict)
    includes: list[tuple[int, str]] = field(default_factory=list)


def read(text: str, context: str = "", agent: str = "parrot") -> Imported:
    """Turn a context and what it includes into routes. Raises ValueError when it is not there.

    Without `context` it is the first one with extensions. `agent` answers wherever Asterisk would
    have talked to the caller.
    """
    reader = _Reader(agent)
    contexts = reader.parse(text)
    named = context or next((name for name, c in contexts.items() if c.extensions), "")
    if named not in contexts:
        raise ValueError(f"there is no context {named or 'with extensions'}")
    reader.routes(contexts, named, (), ())
    toml = "\n".join([f"# From context {named} of an extensions.conf.", *reader.out])
    return Imported(toml.rstrip() + "\n", tuple(sorted(reader.left)))


class _Reader:
    def __init__(self, agent: str) -> None:
        self._agent = agent
        self.left: list[tuple[int, str]] = []
        self.out: list[str] = []
        self._seen: set[str] = set()

    # --- the file ------------------------------------------------------------------------

    def parse(self, text: str) -> dict[str, _Context]:
        contexts: dict[str, _Context] = {}
        current: _Context | None = None
        extension: _Extension | None = None
        in_comment = False
        for number, raw in enumerate(text.splitlines(), start=1):
            if in_comment or raw.lstrip().startswith(";--"):
                in_comment = "--;" not in raw
                continue
            line = re.sub(r"(?<!\\);.*", "", raw).strip()
            if not line:
                continue
            if section := _SECTION.fullmatch(line):
                current = contexts.setdefault(section[1], _Context())
                extension = None
            elif current is None or section_of_settings(contexts, current):
                self._leave(number, "a setting, not an extension")
            elif match := _EXTEN.fullmatch(line):
                name, priority, call = match.groups()
                name, slash, caller = name.partition("/")
                extension = current.extensions.setdefault(match[1], _Extension(number, caller))
                self._step(extension, number, priority, call)
                if slash and not caller:
                    self._leave(number, "an extension with an empty caller-ID")
            elif (match := _SAME.fullmatch(line)) and extension is not None:
                self._step(extension, number, *match.groups())
            elif match := _INCLUDE.fullmatch(line):
                current.includes.append((number, match[1]))
            else:
                self._leave(number, "not understood")
        return contexts

    def _step(self, extension: _Extension, line: int, priority: str, call: str) -> None:
        if priority.lower() == "hint":
            self._leave(line, "a hint: there are no phones whose state could be shown")
        else:
            extension.steps.append((line, call))

    def _leave(self, line: int, why: str) -> None:
        self.left.append((line, why))

    # --- routes --------------------------------------------------------------------------

    def routes(
        self,
        contexts: dict[str, _Context],
        name: str,
        during: tuple[str, ...],
        path: tuple[str, ...],
    ) -> None:
        """Write the routes of a context, then of those it includes, as Asterisk searches them."""
        context = contexts[name]
        for written, extension in sorted(context.extensions.items(), key=_specificity):
            self._route(written.partition("/")[0], extension, during)
        for line, included in context.includes:
            other, *when = [part.strip() for part in re.split(r"[|,]", included)]
            if other not in contexts:
                self._leave(line, f"includes {other}, which is not in this file")
            elif other in (*path, name) or len(path) >= MAX_DEPTH:
                self._leave(line, f"includes {other} within itself")
            elif any(part != "*" for part in when):
                times = self._times(line, when)
                if times and not during:
                    self.routes(contexts, other, (times,), (*path, name))
                elif times:
                    self._leave(line, "includes with times within another such include")
            else:
                self.routes(contexts, other, during, (*path, name))

    def _route(self, called: str, extension: _Extension, during: tuple[str, ...]) -> None:
        if called in _SPECIAL:
            self._leave(extension.line, f"the special extension {called}")
            return
        keys: dict[str, object] = {}
        try:
            if called.startswith("_"):
                pattern.parse(called)
                keys["pattern"] = called
            else:
                keys["number"] = normalize(called)
            if caller := extension.caller:
                if caller.startswith("_"):
                    pattern.parse(caller)
                keys["callers"] = [caller if caller.startswith("_") else normalize(caller)]
        except ValueError as error:
            self._leave(extension.line, f"the extension: {error}")
            return
        if during:
            keys["during"] = list(during)
        action = self._action(extension)
        if not action:
            self._leave(extension.line, "an extension that does nothing that a route can do")
            return
        self.out += ["", "[[dialplan.routes]]"]
        self.out += [f"{key} = {toml_value(value)}" for key, value in (keys | action).items()]

    def _action(self, extension: _Extension) -> dict[str, object]:
        found: dict[str, object] = {}
        variables: dict[str, str] = {}
        ring = 0.0
        answered = False
        last = len(extension.steps) - 1
        for place, (line, call) in enumerate(extension.steps):
            match = _CALL.fullmatch(call)
            application = match[1].lower() if match else ""
            argument = (match[2] or "").strip() if match else ""
            cause = int(argument) if re.fullmatch(r"[0-9]{1,3}", argument) else 0
            if found:
                if found.keys() >= {"prompt", "reject"} and application in _REFUSALS:
                    found["reject"] = _refusal(application, cause)
                elif application != "hangup":
                    self._leave(line, f"{match[1] if match else call}: comes after the decision")
                elif "prompt" in found and 1 <= cause <= 127:
                    found["hangup_cause"] = cause
                continue
            if application == "set":
                self._set(line, argument, variables)
            elif application in _SILENT or (application == "answer" and place < last):
                answered = answered or application == "answer"
            elif application in ("wait", "ringing"):
                ring += _seconds(argument)
            elif application in _REFUSALS:
                found["reject"] = _refusal(application, cause)
            elif application == "transfer" and argument:
                target = _places(argument.rpartition("/")[2])
                if "$" in target or not is_target(PLACE.sub("0", target)):
                    self._leave(line, "Transfer: to an expression, or to what is no number")
                else:
                    found["redirect"] = target
            elif application == "playback" and argument:
                file, _, options = argument.partition(",")
                found["prompt"] = file.partition("&")[0] + ".wav"
                if "noanswer" in options and not answered:
                    found["reject"] = _refusal("hangup", 0)
            elif application in _TALK:
                found["agent"] = self._agent
                if application != "answer":
                    self._leave(line, f"{match[1] if match else ''}: agent {self._agent} answers")
            else:
                self._leave(line, f"{match[1] if match else 'a line'}: there is nothing like it")
        if not found and any("answer" in call.lower() for _, call in extension.steps):
            found["agent"] = self._agent
        if found and ring and "reject" not in found and "redirect" not in found:
            found["ring_secs"] = min(ring, 60.0)
        if found.get("agent") and variables:
            found["variables"] = variables
        return found

    def _set(self, line: int, argument: str, variables: dict[str, str]) -> None:
        name, equals, value = argument.partition("=")
        plain = name.strip().lstrip("_").lower()
        if name.strip() == "CHANNEL(language)":
            plain = "language"
        value = _places(value.strip().strip('"'))
        if equals and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", plain) and "$" not in value:
            variables[plain] = value
        else:
            self._leave(line, "Set: a function or an expression")

    def _times(self, line: int, when: list[str]) -> str:
        """Write the table of an include's times, and return its name."""
        clock, days, monthdays, months = (*when, "*", "*", "*", "*")[:4]
        if monthdays != "*" or months != "*":
            self._leave(line, "includes with days of the month or months")
            return ""
        if clock == "*":
            clock = "00:00-24:00"
        span = re.fullmatch(r"(\d{1,2}:\d\d)-(\d{1,2}:\d\d|24:00)", clock)
        spelt = "mon-sun" if days == "*" else days.lower().replace("&", ",")
        if span is None or not re.fullmatch(r"[a-z]{3}([-,][a-z]{3})*", spelt):
            self._leave(line, "includes with times that are not understood")
            return ""
        hours = f"{spelt} {span[1].zfill(5)}-{span[2].zfill(5)}"
        name = re.sub(r"[^a-z0-9]+", "_", hours)
        if name not in self._seen:
            self._seen.add(name)
            table = [
                "",
                f"[dialplan.times.{name}]",
                'timezone = "UTC"',
                f"hours = [{toml_value(hours)}]",
            ]
            self.out += table
            self._leave(line, f"times {name}: the file tells no zone; correct its UTC")
        return name


def section_of_settings(contexts: dict[str, _Context], current: _Context) -> bool:
    return any(contexts.get(name) is current for name in ("general", "globals"))


def _specificity(entry: tuple[str, _Extension]) -> tuple[object, ...]:
    """Asterisk tries the most specific first: numbers, then the narrower sets, `.` and `!` last."""
    written = entry[0].partition("/")[0]
    with_caller = 0 if entry[1].caller else 1
    if not written.startswith("_"):
        return (0, (), with_caller)
    try:
        parsed = pattern.parse(written)
    except ValueError:
        return (2, (), with_caller)
    sizes = tuple(len(element) for element in parsed.elements)
    tail = {None: (), 1: (1000,), 0: (1001,)}[parsed.rest]
    return (1, (*sizes, *tail), with_caller)


def _places(value: str) -> str:
    """Asterisk's variables as our places; others stay, and are refused by who reads them."""
    value = value.replace("{", "{{").replace("}", "}}")
    value = re.sub(r"\$\{\{EXTEN(?::(-?\d{1,2}))?\}\}", _called, value)
    return re.sub(r"\$\{\{CALLERID\(num\)\}\}", "{caller}", value, flags=re.IGNORECASE)


def _called(match: re.Match[str]) -> str:
    return f"{{called:{match[1]}}}" if match[1] else "{called}"


def _seconds(argument: str) -> float:
    match = re.match(r"\d{1,4}(\.\d{1,3})?", argument)
    return float(match[0]) if match else 0.0


def _refusal(application: str, cause: int) -> int:
    """The SIP code with which the caller's side is refused."""
    return {"busy": 486, "congestion": 503}.get(application) or SIP_CODES.get(cause, 480)
