"""What a recording is replayed with: a leg profile, a preset, and values given one by one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from bridge.profile import LegOptions, LegProfile, ProfileName, resolve
from bridge.turn.options import TurnOptions
from bridge.turn.presets import PresetName
from sip_plugin.config.faults import translate
from sip_plugin.config.nearest import did_you_mean

_Model = TypeVar("_Model", bound=BaseModel)

PROFILE_NAMES: tuple[str, ...] = get_args(ProfileName)
PRESET_NAMES: tuple[str, ...] = get_args(PresetName)


class SettingError(ValueError):
    """An option that cannot be; the message says which and what would be valid."""


@dataclass(frozen=True, slots=True)
class Settings:
    """As a call on this leg would have them."""

    profile: LegProfile
    options: TurnOptions
    title: str
    """What was chosen, for people."""


def settle(profile: str, preset: str | None, assignments: Sequence[str]) -> Settings:
    """`assignments` are `key=value` with keys of the turn options and of the leg profile.

    They win over the preset, and that over the profile. Raises SettingError.
    """
    _known("profile", profile, PROFILE_NAMES)
    values: dict[str, Any] = {}
    if preset is not None:
        _known("preset", preset, PRESET_NAMES)
        values["preset"] = preset
    given = dict(_assignment(text) for text in assignments)
    turn = {key: value for key, value in given.items() if key in TurnOptions.model_fields}
    leg = {key: value for key, value in given.items() if key in LegOptions.model_fields}
    options = _validated(TurnOptions, values | turn)
    overrides = _validated(LegOptions, leg)
    resolved = resolve(profile, options, overrides)  # type: ignore[arg-type]
    title = ", ".join([f"profile {profile}", f"preset {options.preset}", *assignments])
    return Settings(resolved, resolved.turn(options), title)


def _known(kind: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        hint = did_you_mean(name, names) or f" (there are: {', '.join(names)})"
        raise SettingError(f"--{kind} {name}: there is no such {kind}{hint}")


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals:
        raise SettingError(f"--set {text}: a setting is KEY=VALUE")
    names = {*TurnOptions.model_fields, *LegOptions.model_fields}
    if key not in names:
        hint = did_you_mean(key, names) or f" (there are: {', '.join(sorted(names))})"
        raise SettingError(f"--set {text}: there is no option {key}{hint}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value.strip("\"'")


def _validated(model: type[_Model], values: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(values, strict=True)
    except ValidationError as error:
        fault = translate(error.errors())[0]
        key = ".".join(str(part) for part in fault.path)
        raise SettingError(f"--set {key}={values.get(key)}: {fault.message}") from None
