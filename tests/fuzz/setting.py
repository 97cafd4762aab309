"""What a plugin is set up with that hostile messages are sent to."""

TRUNK = {
    "main": {
        "domain": "127.0.0.1:9",
        "require_registration": False,
        "allow_from": ["127.0.0.0/8"],
    }
}


DIALPLAN = {
    "default": {"agent": "parrot", "accept_refer": ["_9!"], "accept_replaces": True},
    "outbound": {"allow": ["_9!"]},
}
