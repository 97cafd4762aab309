"""The wire between plugin and gateway: messages, datagrams, sessions. No I/O."""
