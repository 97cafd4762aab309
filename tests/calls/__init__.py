"""Whole calls, as their users live them: a peer that we did not write, the plugin, a model."""
