"""How a call or a connection on the model leg goes wrong."""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Short names that go over the wire or into `LegFailed.code`; meanings in docs/wire.md."""

    # sent by the gateway
    UNAUTHORIZED = "unauthorized"
    UNKNOWN_AGENT = "unknown_agent"
    TOO_MANY_CALLS = "too_many_calls"
    DUPLICATE_CALL = "duplicate_call"
    CODEC_UNAVAILABLE = "codec_unavailable"
    AGENT_FAILED = "agent_failed"
    SHUTTING_DOWN = "shutting_down"

    # found by either side, and sent to the other where it can be
    OPEN_TIMEOUT = "open_timeout"
    MALFORMED_MESSAGE = "malformed_message"
    MESSAGE_TOO_LARGE = "message_too_large"
    PROTOCOL_VIOLATION = "protocol_violation"
    FLOOD = "flood"
    STALLED = "stalled"

    # found by the plugin, never on the wire
    CLOSED_EARLY = "closed_early"
    HOST_UNKNOWN = "host_unknown"
    CONNECTION_REFUSED = "connection_refused"
    CONNECTION_TIMEOUT = "connection_timeout"
    CONNECTION_LOST = "connection_lost"
    CERTIFICATE_REFUSED = "certificate_refused"
    ALPN_MISMATCH = "alpn_mismatch"
    CONFIGURATION = "configuration"


class WireError(Exception):
    """Something that ends a call, or the attempt at a connection."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
