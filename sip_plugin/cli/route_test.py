"""`sip-plugin route-test`."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import DEFAULT_CONFIG, ConfigFile, fail, load_config
from sip_plugin.cli.plain import plain

if TYPE_CHECKING:
    from bridge.agent import Fallback
    from dialplan import Decision, Explanation
    from sip_plugin.config import Config

MAX_STEPS = 200
"""Rules that are printed; of more, the first and the last."""


def route_test(
    to: Annotated[str, typer.Option("--to", metavar="NUMBER", help="The called number.")],
    config: ConfigFile = DEFAULT_CONFIG,
    caller: Annotated[
        str, typer.Option("--from", metavar="NUMBER", help="The caller's number; empty: withheld.")
    ] = "",
    trunk: Annotated[
        str, typer.Option(metavar="NAME", help="Trunk of the call; needed if there are several.")
    ] = "",
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="When, such as 2026-12-24T18:00; without an offset, in this machine's zone.",
        ),
    ] = "",
    header: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A header of the INVITE; repeatable.")
    ] = None,
    outbound: Annotated[
        bool, typer.Option("--outbound", help="The plugin calls the number: may it, and how?")
    ] = False,
) -> None:
    """Explain what the dialplan does with a call, without one.

    Prints which rules were tried, in order, and why each did not match, then the decision. With
    --outbound: whether the number may be called, over which trunks, and as whom (--from).

    Example: sip-plugin route-test --to +15551234567 --from +15557654321 --at 2026-12-24T18:00

    Exit codes: 0 the call would be let in (or out); 1 it would be refused; 2 wrong options, or
    the configuration has faults.
    """
    checked = load_config(config)
    if trunk and trunk not in checked.trunks:
        raise fail(f"--trunk {trunk}: there is no such trunk", Exit.USAGE)
    if outbound:
        raise typer.Exit(_outbound(checked, to, caller, trunk))
    from dialplan import CallFacts, Reject

    if not trunk and len(checked.trunks) == 1:
        (trunk,) = checked.trunks
    moment = _moment(at)
    facts = CallFacts(to, caller, trunk, _headers(header or []))
    explained = checked.routing.explain(facts, moment)
    typer.echo(f"at      {moment.isoformat(timespec='minutes')}")
    typer.echo(f"trunk   {trunk or '(none)'}")
    typer.echo(f"called  {_compared(to, explained.number)}")
    typer.echo(f"caller  {_compared(caller, explained.caller) if explained.caller else 'withheld'}")
    typer.echo("")
    _print_steps(explained)
    typer.echo("")
    _print_decision(checked, explained.decision)
    raise typer.Exit(Exit.ERROR if isinstance(explained.decision, Reject) else Exit.OK)


def _outbound(config: "Config", to: str, caller: str, trunk: str) -> Exit:
    from dialplan import Dial

    decision = config.dialplan.outbound.decide(to, trunk, caller)
    if not isinstance(decision, Dial):
        typer.echo(f"refused: {decision.code}\nbecause {plain(decision.why)}")
        return Exit.ERROR
    typer.echo(f"call {decision.number}")
    typer.echo(f"over {', then '.join(decision.trunks) or 'any trunk that is ready'}")
    typer.echo(f"as {decision.caller_id or 'the user of the trunk'}")
    typer.echo(f"because {plain(decision.why)}")
    return Exit.OK


def _print_steps(explained: "Explanation") -> None:
    steps = explained.steps
    left_out = max(0, len(steps) - MAX_STEPS)
    shown = steps if not left_out else (*steps[: MAX_STEPS // 2], *steps[-MAX_STEPS // 2 :])
    for place, step in enumerate(shown):
        if left_out and place == MAX_STEPS // 2:
            typer.echo(f"   … {left_out} more that do not match")
        typer.echo(f"{'=>' if step.matched else '  '} {step.rule}: {plain(step.why)}")


def _print_decision(config: "Config", decision: "Decision") -> None:
    from dialplan import Answer, NoDial, Play, Transfer
    from dialplan.describe import decided
    from dialplan.entry import is_uri, number_of_uri

    typer.echo(f"decision: {plain(decided(decision))}")
    typer.echo(f"because   {plain(decision.why)}")
    if isinstance(decision, Answer):
        for name, text in decision.variables.items():
            typer.echo(f"variable  {name} = {plain(text)}")
        last = (decision.agents or (decision.agent,))[-1]
        if fallback := config.agents[last].fallback:
            typer.echo(f"fallback  {plain(_fallback(fallback))}")
    if isinstance(decision, Transfer):
        target = decision.target
        number = number_of_uri(target) if is_uri(target) else target
        refused = config.dialplan.outbound.decide(number) if number else None
        if isinstance(refused, NoDial):
            typer.echo(f"but       [dialplan.outbound] refuses it: {plain(refused.why)}")
    if isinstance(decision, Answer | Play | Transfer):
        if decision.ring_secs:
            typer.echo(f"rings     {decision.ring_secs:g} s")
        if decision.max_duration_secs:
            typer.echo(f"at most   {decision.max_duration_secs:g} s")


def _fallback(fallback: "Fallback") -> str:
    """What comes when no model of the last agent can be reached, or the last one is lost."""
    prompt = f"play {fallback.prompt}, then " if fallback.prompt else ""
    if fallback.transfer:
        return f"{prompt}transfer to {fallback.transfer}"
    return f"{prompt}hang up with cause {fallback.hangup_cause}"


def _compared(written: str, number: str) -> str:
    same = "" if written == number or not number else f", compared as {number}"
    return f"{plain(written)}{same}"


def _moment(text: str) -> dt.datetime:
    if not text:
        return dt.datetime.now().astimezone()
    try:
        moment = dt.datetime.fromisoformat(text)
        if not 1970 <= moment.year <= 9000:
            raise ValueError
        return moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError, OSError):
        raise fail(f"--at {text}: must be as 2026-12-24T18:00", Exit.USAGE) from None


def _headers(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise fail(f"--header {pair}: must be NAME=VALUE", Exit.USAGE)
        found[name.strip()] = value
    return found
