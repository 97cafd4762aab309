"""Sound SIP messages, and what makes them unsound. Seeded: a run can be repeated."""

import random
import string

METHODS = (
    *("INVITE", "OPTIONS", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "REFER"),
    *("UPDATE", "PRACK", "INFO", "ACK", "BYE", "CANCEL", "FOO"),
)
_NUMBERS = (
    "0",
    "-1",
    "1",
    "255",
    "65535",
    "65536",
    "2147483648",
    "4294967296",
    "9" * 40,
    "1e9",
    "",
)
_PIECES = (
    *(
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\0",
        "\t",
        "%00",
        "%",
        "<",
        ">",
        '"',
        ";",
        ",",
        ":",
        "@",
        "=",
        " ",
    ),
    *(
        "sip:",
        "sips:",
        "tel:",
        "[::1]",
        "[",
        "]",
        "\u00b9",
        "\u0663",
        "\ud7ff",
        "\x7f",
        "\x80",
        "*",
    ),
)
_HEADERS = (
    "Require: 100rel",
    "Require: " + "x," * 200 + "y",
    "Supported: 100rel,timer,replaces,norefersub",
    "Session-Expires: 90;refresher=uac\r\nSupported: timer",
    "Session-Expires: -1",
    "Min-SE: 4294967295",
    "Refer-To: <sip:9@127.0.0.1:9?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>",
    "Refer-To: <sip:" + "a" * 900 + "@127.0.0.1>",
    "Refer-Sub: false",
    "Replaces: none;to-tag=1;from-tag=2",
    "Replaces: ;;;",
    "Contact: *",
    "Contact: <sip:x@[::1]:99999;transport=tls>",
    "Route: <sip:127.0.0.1:9;lr>",
    "Record-Route: <sip:%@127.0.0.1>, <>",
    "Record-Route: <sip:127.0.0.1;hide>",
    "Record-Route: <sip:a%0Ab@127.0.0.1;hide>",
    "Route: <sip:127.0.0.1;%68ide=1>",
    "Authorization: Digest username=x, realm=, nonce=, response=" + "f" * 500,
    "Event: refer\r\nSubscription-State: terminated",
    "Content-Encoding: gzip",
    "Privacy: id\r\nP-Asserted-Identity: <tel:+1>, <sip:@>",
    "Max-Forwards: 0",
    "Expires: 99999999999",
    "RAck: 1 1 INVITE",
    "Reason: Q.850;cause=x",
    "X-" + "n" * 300 + ": " + "v" * 900,
)
_SDP_LINES = (
    "m=audio 0 RTP/AVP 0",
    "m=audio 65536 RTP/AVP 0",
    "m=audio 4000/999 RTP/AVP 0",
    "m=audio 4000 RTP/SAVP 0 8 101",
    "m=audio 4000 TCP/RTP/AVP 0",
    "m=video 4002 RTP/AVP 96\r\na=rtpmap:96 H264/90000",
    "m=text 4004 RTP/AVP 98",
    "m=image 4006 udptl t38",
    "m=application 4008 UDP/BFCP *",
    "m=audio 4000 RTP/AVP " + " ".join(map(str, range(128))),
    "c=IN IP6 ::1",
    "c=IN IP4 0.0.0.0",
    "c=IN IP4 " + "a" * 300,
    "c=IN IP4 224.2.1.1/127/3",
    "c=",
    "a=rtpmap:0 PCMU/" + "9" * 30,
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-" + "9" * 60,
    "a=rtpmap:" + "x" * 200,
    "a=ptime:0",
    "a=ptime:-20",
    "a=maxptime:99999999999",
    "a=sendonly\r\na=recvonly\r\na=inactive",
    "a=rtcp:99999 IN IP4 1.2.3.4",
    "a=rtcp-mux",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40,
    "a=crypto:0 X inline:",
    "a=ice-ufrag:x\r\na=ice-pwd:y\r\na=candidate:1 1 UDP 1 1.2.3.4 5 typ host",
    "a=group:BUNDLE 0 1",
    "b=AS:-1",
    "t=0 0\r\nt=1 1",
    "o=- " + "9" * 60 + " 1 IN IP4 127.0.0.1",
    "v=1",
    "k=prompt",
)


class Mutator:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self._number = 0

    def unique(self) -> str:
        """For a Call-ID, a tag or a branch."""
        self._number += 1
        return f"f{self._number:x}-{self.rng.getrandbits(32):x}"

    def description(self) -> str:
        """An offer, sound one time in three."""
        rng = self.rng
        lines = [
            *("v=0", f"o=- {rng.randrange(1, 1 << 31)} 1 IN IP4 127.0.0.1", "s=-"),
            *("c=IN IP4 127.0.0.1", "t=0 0", "m=audio 40000 RTP/AVP 0 8 101"),
            *("a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=sendrecv"),
        ]
        for _ in range(rng.choice((0, 0, 1, 2, 5, 40))):
            place = rng.randrange(len(lines) + 1)
            lines.insert(place, rng.choice(_SDP_LINES))
        text = "\r\n".join(lines) + "\r\n"
        return text if rng.random() < 0.5 else self.damaged(text, rng.choice((1, 1, 2, 5)))

    def headers(self) -> str:
        chosen = self.rng.sample(_HEADERS, self.rng.choice((0, 0, 1, 2, 4)))
        return "".join(f"{line}\r\n" for line in chosen)

    def damaged(self, text: str, times: int = 1) -> str:
        for _ in range(times):
            text = self._damage(text)
        return text

    def _damage(self, text: str) -> str:
        rng = self.rng
        if not text:
            return rng.choice(_PIECES)
        at = rng.randrange(len(text))
        end = min(len(text), at + rng.choice((1, 1, 2, 8, 40)))
        match rng.randrange(9):
            case 0:
                return text[:at] + text[end:]
            case 1:
                return text[:end] + text[at:]
            case 2:
                return text[:at] + rng.choice(_PIECES) * rng.choice((1, 1, 3, 100)) + text[at:]
            case 3:
                return text[:at] + chr(rng.randrange(256)) + text[at + 1 :]
            case 4:
                return text[:at] + rng.choice(string.printable) * rng.choice((2, 300)) + text[at:]
            case 5:
                return self._with_other_number(text)
            case 6:
                lines = text.split("\r\n")
                rng.shuffle(lines)
                return "\r\n".join(lines)
            case 7:
                lines = text.split("\r\n")
                del lines[rng.randrange(len(lines))]
                return "\r\n".join(lines)
            case _:
                return text[:at]

    def _with_other_number(self, text: str) -> str:
        rng = self.rng
        places = [i for i, char in enumerate(text) if char.isdigit()]
        if not places:
            return text
        at = rng.choice(places)
        end = at
        while end < len(text) and text[end].isdigit():
            end += 1
        return text[:at] + rng.choice(_NUMBERS) + text[end:]
