"""`sip-plugin reload`."""

from sip_plugin.cli.exits import Exit
from sip_plugin.cli.options import PluginConfigFile, PluginRunDir, control_socket, fail, no_plugin


def reload(config: PluginConfigFile = None, run_dir: PluginRunDir = None) -> None:
    """Let the running plugin take over its changed configuration file.

    All of it or nothing: with a fault in it, or a change that needs a restart, nothing changes.
    Running calls keep what they began with. The file is the one that the plugin was started with.

    Example: sip-plugin reload -c sip-plugin.toml

    Exit codes: 0 taken over; 1 refused, with the reasons; 5 no plugin runs there.
    """
    import asyncio

    import typer

    from sip_plugin.service.client import ApiError, ControlClient, NoPlugin

    async def ask() -> list[str]:
        async with ControlClient(control_socket(config, run_dir)) as client:
            return await client.reload()

    try:
        changed = asyncio.run(ask())
    except NoPlugin as error:
        raise no_plugin(error) from None
    except ApiError as error:
        raise fail(str(error), Exit.ERROR) from None
    typer.echo("\n".join(changed) or "nothing has changed")
