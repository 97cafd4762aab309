"""What goes wrong, and the lines that tell how far it is."""

import sys


class BuildError(Exception):
    """What failed, why, and what to do; the text is for whoever runs the script."""


def say(text: str) -> None:
    print(f"build-pjsua2: {text}", flush=True)


def complain(text: str) -> None:
    print("\n".join(f"build-pjsua2: {line}" for line in text.splitlines()), file=sys.stderr)
