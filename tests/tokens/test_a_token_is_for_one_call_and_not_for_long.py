import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from bridge.token import CheckingOptions, SigningOptions, TokenRefused, admit, check, mint
from tests.tokens.keys import SHARED, ends, pair

NOW = 1_800_000_000.0


@pytest.mark.parametrize("algorithm", ["HS256", "EdDSA"])
def test_a_token_made_for_a_call_opens_it(algorithm):
    signing, checking = ends(algorithm, issuer="plugin", audience="gateway")
    token = mint(signing, "call-1", "reception", NOW)
    check(checking, token, "call-1", "reception", NOW + 59)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sid"], claims["exp"] - claims["iat"]) == ("call-1", 60)


def hs256(**claims) -> str:
    good = {"sid": "call-1", "agent": "a", "iat": NOW, "exp": NOW + 60}
    given = {name: value for name, value in (good | claims).items() if value is not None}
    return jwt.encode(given, SHARED, algorithm="HS256")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (hs256(sid="call-2"), "for another call"),
        (hs256(agent="b"), "for another agent"),
        (hs256(exp=NOW - 30, iat=NOW - 90), "has expired 30 s ago"),
        (hs256(iat=NOW + 60, exp=NOW + 90), "of the future"),
        (hs256(nbf=NOW + 60), "of the future"),
        (hs256(exp=NOW + 90_000), "lasts over 3600 s"),
        (hs256(exp=None), "has no exp"),
        (hs256(sid=None), "has no sid"),
        (hs256(exp="soon"), "no numbers"),
        (jwt.encode({"sid": "call-1"}, SHARED + "x", algorithm="HS256"), "not signed by"),
        (jwt.encode({"sid": "call-1"}, "", algorithm="none"), "not signed with HS256"),
        (jwt.encode({"sid": "call-1"}, SHARED * 2, algorithm="HS512"), "not signed with HS256"),
        ("", "no JWT"),
        ("a.b.c", "no JWT"),
    ],
)
def test_every_other_token_is_refused_with_the_reason(token, why):
    checking = CheckingOptions(algorithm="HS256", key=SHARED)
    with pytest.raises(TokenRefused, match=why) as refused:
        check(checking, token, "call-1", "a", NOW)
    assert SHARED not in str(refused.value)


def test_a_public_key_is_not_taken_for_a_shared_secret():
    """Who knows the public key must not be able to sign with it as an HS256 secret."""
    import base64
    import hashlib
    import hmac
    import json

    _, public = pair()

    def part(content: dict) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=")

    claims = {"sid": "call-1", "iat": NOW, "exp": NOW + 60}
    body = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    signature = hmac.digest(public.encode(), body, hashlib.sha256)
    forged = body + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")
    checking = CheckingOptions(algorithm="EdDSA", key=public)
    with pytest.raises(TokenRefused, match="not signed with EdDSA"):
        check(checking, forged.decode(), "call-1", "a", NOW)


def test_audience_and_issuer_are_held_to():
    signing, _ = ends("HS256", issuer="plugin", audience="gateway")
    token = mint(signing, "call-1", "a", NOW)
    for changes, why in (({"audience": "other"}, "audience"), ({"issuer": "other"}, "issuer")):
        given = {"issuer": "plugin", "audience": "gateway"} | changes
        checking = CheckingOptions(algorithm="HS256", key=SHARED, **given)
        with pytest.raises(TokenRefused, match=why):
            check(checking, token, "call-1", "a", NOW)


def test_a_fixed_token_stays_possible_beside_it():
    signing, checking = ends("EdDSA")
    fixed = SecretStr("fixed")
    admit(fixed, checking, "fixed", "call-1", "a", NOW)
    admit(fixed, checking, mint(signing, "call-1", "a", NOW), "call-1", "a", NOW)
    admit(SecretStr(""), None, "anything", "call-1", "a", NOW)
    for beside in (checking, None):
        with pytest.raises(TokenRefused):
            admit(fixed, beside, "wrong", "call-1", "a", NOW)


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_no_text_is_taken_and_none_breaks_it(text):
    checking = CheckingOptions(algorithm="HS256", key=SHARED)
    with pytest.raises(TokenRefused):
        check(checking, text, "call-1", "a", NOW)


@pytest.mark.parametrize(
    ("algorithm", "key", "why"),
    [
        ("HS256", "short", "at least 32 bytes"),
        ("EdDSA", SHARED, "Ed25519"),
        ("EdDSA", "-----BEGIN PRIVATE KEY-----\n", "Ed25519"),
    ],
)
@pytest.mark.parametrize("options", [SigningOptions, CheckingOptions])
def test_a_key_that_does_not_fit_is_a_fault_that_does_not_repeat_it(options, algorithm, key, why):
    with pytest.raises(ValidationError, match=why) as fault:
        options(algorithm=algorithm, key=key)
    assert key not in str(fault.value)


def test_keys_are_masked_wherever_they_are_printed():
    signing, checking = ends("EdDSA")
    for options in (signing, checking):
        secret = options.key.get_secret_value()
        assert secret not in repr(options) and secret not in options.model_dump_json()
