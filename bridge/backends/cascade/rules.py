"""Answers by rule: what the caller may say, and what is said then. Needs no model."""

import json
import re
from collections.abc import AsyncIterator

from bridge.backends.cascade.interface import FunctionCall, Question, Tokens
from bridge.backends.cascade.options import LlmOptions, Rule

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SLOT = "<digits>"


class Rules:
    def __init__(self, options: LlmOptions) -> None:
        self._options = options
        self._patterns = [
            (re.compile(_pattern(phrase)), rule)
            for rule in options.rules
            for phrase in rule.phrases
        ]

    async def ready(self) -> None:
        """Always."""

    async def reply(self, question: Question) -> AsyncIterator[str | FunctionCall | Tokens]:
        if question.exchanges:
            return  # a rule's actions need no words after them
        text = normalised(question.text)
        for pattern, rule in self._patterns:
            if match := pattern.fullmatch(text):
                heard = match.group(1).strip() if pattern.groups else ""
                yield rule.says.replace(SLOT, heard)
                done = [exchange.call for exchange in question.done_before]
                for call in _calls(rule):
                    if call not in done:
                        yield call
                return
        yield self._options.otherwise


def normalised(text: str) -> str:
    """Small letters, single spaces, no marks."""
    return " ".join(re.sub(r"[^a-z' ]+", " ", text.lower()).split())


def _pattern(phrase: str) -> str:
    before, slot, after = phrase.partition(SLOT)
    digits = rf"((?:\b(?:{'|'.join(DIGITS)})\b ?)+)" if slot else ""
    parts = [re.escape(normalised(before)), digits, re.escape(normalised(after))]
    return " ?".join(part for part in parts if part)


def _calls(rule: Rule) -> list[FunctionCall]:
    calls = []
    if rule.send_dtmf:
        arguments = json.dumps({"digits": rule.send_dtmf})
        calls.append(FunctionCall("rule", "send_dtmf", arguments))
    if rule.transfer:
        calls.append(FunctionCall("rule", "transfer", json.dumps({"target": rule.transfer})))
    if rule.hangup:
        calls.append(FunctionCall("rule", "hangup", "{}"))
    return calls
