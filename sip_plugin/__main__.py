"""`python -m sip_plugin` is the command `sip-plugin`."""

from sip_plugin.cli import main

if __name__ == "__main__":
    main()
