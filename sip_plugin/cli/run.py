"""`sip-plugin run`."""

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import DEFAULT_CONFIG, ConfigFile, fail, load_config


def run(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Take and place phone calls until SIGTERM.

    Registers with the trunks of the configuration, answers their calls by its dialplan, and
    listens on a control socket for `sip-plugin call` and `sip-plugin status`.

    SIGTERM or Ctrl-C drains: new calls get 503, running ones may end within drain_secs. A second
    signal hangs them up and ends. SIGHUP, or sip-plugin reload, takes a changed file over.

    Example: TRUNK_PASSWORD=… sip-plugin run -c sip-plugin.toml

    Exit codes: 0 stopped as asked; 1 could not start; 2 the configuration has faults.
    """
    import asyncio

    from sip_plugin.config import load
    from sip_plugin.service.log import write_child_line, write_own_lines
    from sip_plugin.service.run_dir import RunDirError, claim
    from sip_plugin.service.supervisor import Supervisor
    from sip_plugin.sip.build import account_shortage
    from sip_plugin.sip.errors import StackError

    checked = load_config(config)
    try:
        shortage = account_shortage(len(checked.trunks))
    except StackError as error:
        shortage = str(error)
    if shortage:
        raise fail(shortage, Exit.ERROR)
    write_own_lines(checked.service.log_level)
    try:
        run_dir = claim(checked.service.run_path)
    except RunDirError as error:
        raise fail(str(error), Exit.ERROR) from None

    async def supervise() -> None:
        await Supervisor(checked, run_dir, write_child_line, lambda: load(config)).run()

    try:
        asyncio.run(supervise())
    except OSError as error:
        raise fail(f"{run_dir.control_socket}: {error.strerror}", Exit.ERROR) from None
    finally:
        run_dir.release()
