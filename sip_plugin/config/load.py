"""From a TOML file to a `Config`, or to every fault of the file."""

import tomllib
from os import PathLike

from pydantic import ValidationError

from sip_plugin.config.errors import ConfigError, Issue
from sip_plugin.config.models import Config


def load(path: str | PathLike[str]) -> Config:
    """Read and validate a configuration. Raises ConfigError with all of its faults."""
    name = str(path)
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
        return Config.model_validate(data)
    except OSError as error:
        raise ConfigError([Issue(name, 0, error.strerror or str(error))]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Issue(name, 0, str(error))]) from None
    except ValidationError as error:
        issues = [
            Issue(name, 0, f"{'.'.join(map(str, e['loc']))}: {e['msg']}")
            for e in error.errors(include_input=False)
        ]
        raise ConfigError(issues) from None
