"""What the plugin costs and adds. Run one with `python -m benchmarks.NAME [--quick]`."""
