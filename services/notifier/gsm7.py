"""What an SMS costs: GSM-7 or UCS-2, and how many segments, counted by our own encoder.

The alphabet is that of 3GPP TS 23.038, 6.2.1 and its extension table. One vendor's counter is wrong about "ê".

When to modify: never for a price; only if the standard's table was copied wrongly.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum

_ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_SEPTETS: dict[str, bytes] = {sign: bytes([code]) for code, sign in enumerate(_BASIC) if code != _ESCAPE}
_SEPTETS |= {sign: bytes([_ESCAPE, code]) for code, sign in _EXTENDED.items()}

_PLAIN = {
    "’": "'",
    "‘": "'",
    "«": '"',
    "»": '"',
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
    "…": "...",
    "œ": "oe",
    "Œ": "Oe",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
}
"""Signs that have no decomposition in Unicode, and what a phone keyboard writes instead."""


class Encoding(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ONE_SEGMENT = {Encoding.GSM7: 160, Encoding.UCS2: 70}
_EACH_OF_SEVERAL = {Encoding.GSM7: 153, Encoding.UCS2: 67}  # the header that joins the parts takes the difference


def encoding_of(text: str) -> Encoding:
    """GSM-7 if every sign has its septets there, else UCS-2 for the whole text."""
    return Encoding.GSM7 if all(sign in _SEPTETS for sign in text) else Encoding.UCS2


def encode(text: str) -> bytes:
    """`text` as GSM-7, one septet a byte, not packed. Raises ValueError at a sign that the alphabet lacks."""
    try:
        return b"".join(_SEPTETS[sign] for sign in text)
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not in GSM-7") from None


def decode(septets: bytes) -> str:
    """The text of unpacked septets. Raises ValueError if an escape leads nowhere."""
    signs, codes = [], iter(septets)
    for code in codes:
        sign = _EXTENDED.get(next(codes, -1)) if code == _ESCAPE else _BASIC[code]
        if sign is None:
            raise ValueError("an escape that leads nowhere")
        signs.append(sign)
    return "".join(signs)


def length(text: str) -> int:
    """Septets in GSM-7, 16-bit units in UCS-2: what the operator counts."""
    return sum(_costs(text))


def split(text: str) -> tuple[str, ...]:
    """The text of each segment. A sign of two septets, or of two units, is never cut."""
    encoding = encoding_of(text)
    costs = _costs(text)
    if sum(costs) <= _ONE_SEGMENT[encoding]:
        return (text,)
    parts, room = [""], _EACH_OF_SEVERAL[encoding]
    for sign, cost in zip(text, costs, strict=True):
        if cost > room:
            parts.append("")
            room = _EACH_OF_SEVERAL[encoding]
        parts[-1] += sign
        room -= cost
    return tuple(parts)


def segments(text: str) -> int:
    """How many SMS the operator bills."""
    return len(split(text))


def transliterated(text: str) -> str:
    """`text` in GSM-7 as far as its letters allow: "Montluçon" becomes "Montlucon", one segment instead of three.

    Signs of GSM-7 stay as they are (é, è, à, ù, É, Ç); a letter outside it loses its accent; what is no Latin letter
    stays and makes the text UCS-2.
    """
    return "".join(sign if sign in _SEPTETS else _plain(sign) for sign in unicodedata.normalize("NFC", text))


def _plain(sign: str) -> str:
    if sign in _PLAIN:
        return _PLAIN[sign]
    letters = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    return letters if letters and encoding_of(letters) is Encoding.GSM7 else sign


def _costs(text: str) -> list[int]:
    if encoding_of(text) is Encoding.GSM7:
        return [len(_SEPTETS[sign]) for sign in text]
    return [len(sign.encode("utf-16-be", "surrogatepass")) // 2 for sign in text]
