"""Media over QUIC Transport (draft-ietf-moq-transport-18), without I/O.

`session.Session` is one end of a MoQT session: it is given what arrives on QUIC's streams and in
its datagrams, and gives back events and what is to be sent. It implements what a publisher and a
subscriber of live tracks need; requests outside of that are refused as the draft asks.

What a draft looks like on the wire is in `draft18` (a table of messages and parameters) and
`objects` (datagrams and subgroup streams); everything else is common to the drafts since 17.
"""
