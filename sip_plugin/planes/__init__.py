"""The protocol between the planes, over a Unix socket."""
