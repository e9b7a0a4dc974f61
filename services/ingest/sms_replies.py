"""What a family's SMS says, and nothing that it does not say.

An answer counts only where every word is the answer, its code, or politeness. One other word, a question mark or a
second answer, and a person calls: "oui mais", "demain", "c'est où ?" are never guessed.
When to modify: add a word of politeness that families really write; never one that could carry a condition.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from contracts.vocabulary import Answer

WORDS = {
    "OUI": Answer.OUI,
    "NON": Answer.NON,
    "RAPPEL": Answer.RAPPEL,
    "RAPPELER": Answer.RAPPEL,
    "RAPPELEZ": Answer.RAPPEL,
    "FIN": Answer.FIN,
    "ERREUR": Answer.ERREUR,
}
POLITE = frozenset(
    {
        *("MERCI", "BEAUCOUP", "SVP", "STP", "S", "IL", "VOUS", "TE", "PLAIT"),
        *("BONJOUR", "BONSOIR", "BONNE", "JOURNEE", "SOIREE", "CORDIALEMENT"),
        *("MADAME", "MONSIEUR", "GUICHET", "CODE"),
    }
)
BESIDE = {Answer.RAPPEL: frozenset({"MOI", "ME"}), Answer.ERREUR: frozenset({"DE", "NUMERO"})}
"""Words that say nothing more beside one answer only: "rappelez-moi", "erreur de numéro"."""

STOP = "STOP"
_CODE = re.compile(r"[0-9]{4,6}")
_TOKEN = re.compile(r"[A-Z]+|[0-9]+")
_SILENT = re.compile(r"[\s.,;:!'’\"()/_\-🙏👍😊🙂]+")


@dataclass(frozen=True)
class ParsedReply:
    """`answer` is None unless the words were `understood`. `stop`: nothing may be sent to this number any more."""

    answer: Answer | None
    code: str | None
    understood: bool
    stop: bool = False


def parse_reply(text: str) -> ParsedReply:
    """What `text` answers. Never raises: whatever it is, it is either understood or not."""
    tokens = _tokens(text)
    if tokens is None:
        return ParsedReply(None, None, understood=False)
    codes = {token for token in tokens if _CODE.fullmatch(token)}
    code = min(codes) if len(codes) == 1 else None
    words = [token for token in tokens if not _CODE.fullmatch(token)]
    if STOP in words:
        return ParsedReply(None, code, understood=False, stop=set(words) <= POLITE | {STOP})
    answer = _answer(words) if len(codes) <= 1 else None
    return ParsedReply(answer, code, understood=answer is not None)


def _answer(words: list[str]) -> Answer | None:
    """The one answer among the words, if nothing else is said."""
    answers = {WORDS[word] for word in words if word in WORDS}
    if len(answers) != 1:
        return None
    (answer,) = answers
    others = {word for word in words if word not in WORDS}
    return answer if others <= POLITE | BESIDE.get(answer, frozenset()) else None


def _tokens(text: str) -> list[str] | None:
    """Words and numbers in capitals without accents; None where a sign is left that could mean something."""
    plain = unicodedata.normalize("NFKD", text).upper()
    plain = "".join(char for char in plain if not unicodedata.combining(char) and char not in "\ufe0f\u200d")
    parts = [part for part in _SILENT.split(plain) if part]
    tokens = [token for part in parts for token in _TOKEN.findall(part)]
    return tokens if "".join(tokens) == "".join(parts) else None
