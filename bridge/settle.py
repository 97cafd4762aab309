"""The garbage collector in processes whose pauses are heard."""

import gc


def settle() -> None:
    """To be called when a process has loaded what it will: the collector looks at that no more.

    A full collection of it stops all calls of the process for some 30 ms, once in a few seconds.
    """
    gc.collect()
    gc.freeze()
