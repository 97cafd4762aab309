"""What is wrong with a configuration file."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Issue:
    """One fault: where, what, and what next. `line` is 0 for the file as a whole."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self._place()}: {self.message}"

    def as_warning(self) -> str:
        return f"{self._place()}: warning: {self.message}"

    def _place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class ConfigError(Exception):
    """The file cannot be used; `issues` holds every fault in it, in the order of its lines."""

    def __init__(self, issues: list[Issue]) -> None:
        self.issues = tuple(sorted(issues, key=lambda issue: issue.line))
        super().__init__("\n".join(map(str, self.issues)))
