"""What a call shows to its gateway: a fixed token, or one made for it alone (JWT, RFC 7519).

A made token names its call (`sid`) and agent and lasts a minute, so that who overhears or logs
one can open nothing with it. HS256 shares one secret; with EdDSA the gateway holds a public key,
with which nobody can make tokens.
"""

import hmac
from typing import Any, Literal

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bridge.secret import Secret

Algorithm = Literal["HS256", "EdDSA"]
SHORTEST_SECRET = 32
"""Bytes: an HS256 key must be as long as its hash (RFC 7518 section 3.2)."""
SKEW_SECS = 10
"""Clocks may differ by so much."""


class TokenRefused(ValueError):
    """The message says why, and repeats nothing of the token."""


class SigningOptions(BaseModel):
    """`[agents.NAME.jwt]`: the plugin makes a token for each call."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    algorithm: Algorithm = "EdDSA"
    """`EdDSA`: a key pair of Ed25519. `HS256`: a secret that the gateway has too."""

    key: Secret = SecretStr("")
    """Must be given: the private key as PEM, or the secret, of at least 32 bytes."""

    key_id: str = Field("", max_length=128)
    """Told in the token's header (`kid`), for a gateway with several keys; empty: not told."""

    issuer: str = Field("", max_length=256)
    """`iss` of the token."""

    audience: str = Field("", max_length=256)
    """`aud` of the token."""

    lifetime_secs: int = Field(60, ge=10, le=3600)
    """How long a token may open its call."""

    @model_validator(mode="after")
    def _key_fits(self) -> "SigningOptions":
        _private_key(self.algorithm, self.key)
        return self


class CheckingOptions(BaseModel):
    """`[gateway.jwt]`: the gateway takes calls that show a token made for them."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, hide_input_in_errors=True
    )

    algorithm: Algorithm = "EdDSA"
    """As the plugin's."""

    key: Secret = SecretStr("")
    """Must be given: the public key as PEM, or the secret, of at least 32 bytes."""

    issuer: str = Field("", max_length=256)
    """What `iss` must be; empty asks for none."""

    audience: str = Field("", max_length=256)
    """What `aud` must be; empty asks for none."""

    max_lifetime_secs: int = Field(3600, ge=10, le=86_400)
    """A token that lasts longer is refused."""

    @model_validator(mode="after")
    def _key_fits(self) -> "CheckingOptions":
        _public_key(self.algorithm, self.key)
        return self


def mint(options: SigningOptions, sid: str, agent: str, now: float) -> str:
    """A token for one call; `now` is Unix time in seconds."""
    claims: dict[str, Any] = {
        "sid": sid,
        "agent": agent,
        "iat": int(now),
        "exp": int(now) + options.lifetime_secs,
    }
    if options.issuer:
        claims["iss"] = options.issuer
    if options.audience:
        claims["aud"] = options.audience
    headers = {"kid": options.key_id} if options.key_id else None
    key = _private_key(options.algorithm, options.key)
    return jwt.encode(claims, key, algorithm=options.algorithm, headers=headers)


def check(options: CheckingOptions, token: str, sid: str, agent: str, now: float) -> None:
    """Raises TokenRefused unless it was made for this call, not long ago."""
    required = ["sid", "exp", "iat"]
    try:
        claims = jwt.decode(
            token,
            _public_key(options.algorithm, options.key),
            algorithms=[options.algorithm],
            audience=options.audience or None,
            issuer=options.issuer or None,
            options={
                "require": required,
                # By our clock, below.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_aud": bool(options.audience),
            },
        )
    except jwt.InvalidSignatureError:
        raise TokenRefused("the token is not signed by the expected key") from None
    except jwt.InvalidAlgorithmError:
        raise TokenRefused(f"the token is not signed with {options.algorithm}") from None
    except jwt.MissingRequiredClaimError as error:
        raise TokenRefused(f"the token has no {error.claim}") from None
    except jwt.InvalidAudienceError:
        raise TokenRefused("the token is for another audience") from None
    except jwt.InvalidIssuerError:
        raise TokenRefused("the token is of another issuer") from None
    except jwt.PyJWTError:
        raise TokenRefused("the token is no JWT") from None
    _check_times(claims, options, now)
    if claims["sid"] != sid:
        raise TokenRefused("the token is for another call")
    if claims.get("agent", agent) != agent:
        raise TokenRefused("the token is for another agent")


def admit(
    fixed: SecretStr,
    made: CheckingOptions | None,
    token: str,
    sid: str,
    agent: str,
    now: float,
) -> None:
    """What a gateway asks of a call: the fixed token, or one made for the call; nothing when it
    has neither. Raises TokenRefused."""
    secret = fixed.get_secret_value()
    if secret and hmac.compare_digest(secret.encode(), token.encode()):
        return
    if made is not None:
        check(made, token, sid, agent, now)
    elif secret:
        raise TokenRefused("the token is not the gateway's")


def _check_times(claims: dict[str, Any], options: CheckingOptions, now: float) -> None:
    times = {name: claims[name] for name in ("exp", "iat")} | {"nbf": claims.get("nbf", 0)}
    if not all(isinstance(t, int | float) and not isinstance(t, bool) for t in times.values()):
        raise TokenRefused("the token's times are no numbers")
    if now > times["exp"] + SKEW_SECS:
        raise TokenRefused(f"the token has expired {now - times['exp']:.0f} s ago")
    if now < max(times["iat"], times["nbf"]) - SKEW_SECS:
        raise TokenRefused("the token is of the future: compare the clocks of plugin and gateway")
    if times["exp"] - times["iat"] > options.max_lifetime_secs:
        raise TokenRefused(f"the token lasts over {options.max_lifetime_secs} s")


def _private_key(algorithm: Algorithm, secret: SecretStr) -> bytes | Ed25519PrivateKey:
    text = secret.get_secret_value()
    if algorithm == "HS256":
        return _shared(text)
    try:
        key = load_pem_private_key(text.encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("key must be a private key of Ed25519, PEM without a password")
    return key


def _public_key(algorithm: Algorithm, secret: SecretStr) -> bytes | Ed25519PublicKey:
    text = secret.get_secret_value()
    if algorithm == "HS256":
        return _shared(text)
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("key must be the public key of Ed25519, PEM")
    return key


def _shared(text: str) -> bytes:
    if len(text.encode()) < SHORTEST_SECRET:
        raise ValueError(f"key must have at least {SHORTEST_SECRET} bytes for HS256")
    return text.encode()
