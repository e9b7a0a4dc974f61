"""What families do with the texts they get: they answer, late, twice, in their own words, or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.ingest.inbound import InboundSms, Taken
from tests.simulation.hostility import Habit, Hostility
from tests.simulation.provider import Text

CODE = re.compile(r"\b[0-9]{4}\b")
WORDS = (
    *("OUI {code}", "OUI {code}", "oui merci", "Oui", "NON {code}", "non", "RAPPEL {code}", "FIN {code}"),
    *("ERREUR", "STOP", "demain peut-être ?", "OUI 0000", "OUI NON", "Bonjour, c'est où ?"),
)
DELAYS = tuple(timedelta(minutes=m) for m in (1, 10, 40, 300, 1500, 2630, 2660, 4000))
"""From at once to after the limit, and close to it on both sides (44 hours)."""

SOON = 4
"""In a crowded run families answer within hours, as a wave asks."""
FIRST_WINS, KEEN = "1er OUI", 0.8
"""What the text of a wave says, and how many who read it in a crowded run say OUI before they do anything else."""

QUARRELSOME = 0.7
"""Of the offers in a town of quarrels: so many are answered by both parents, each in another way."""


@dataclass
class Said:
    """One SMS of a family on its way to the guichet. `taken` once somebody has answered for it."""

    due: datetime
    sms: InboundSms
    taken: Taken | None = None


@dataclass
class Phones:
    """Every phone of the town. `said` are the SMS that families wrote, in the order in which they will."""

    dice: Hostility
    said: list[Said] = field(default_factory=list)
    done: list[Said] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def arrived(self, text: Text) -> None:
        """A text came: perhaps its owner answers, perhaps with second thoughts."""
        if "?" not in text.text and "OUI" not in text.text and "connexion" in text.text:
            return
        if self.dice.is_crowded and FIRST_WINS in text.text and self.dice.happens(KEEN):
            self.dice.note("phone: OUI at once")
            self._write(text, text.at + DELAYS[0], WORDS[:1])
        if self.dice.habit is Habit.QUARRELS and CODE.search(text.text) and self.dice.happens(QUARRELSOME):
            self._quarrel(text)
            return
        for _ in range(self.dice.one((0, 1, 1, 1, 2))):
            self._write(text, text.at + self.dice.one(DELAYS[:SOON] if self.dice.is_crowded else DELAYS), WORDS)

    def _quarrel(self, text: Text) -> None:
        """One parent says NON and the other, who has seen the text too, OUI; or the other way round."""
        words = self.dice.one((("NON {code}", "OUI {code}"), ("OUI {code}", "NON {code}")))
        code = _code(text)
        self._say(text.at + DELAYS[0], text.to, words[0], code, text.at)
        self._say(text.at + DELAYS[1], other_parent(text.to), words[1], code, text.at)

    def stranger(self, now: datetime) -> None:
        """Somebody whom nobody knows."""
        self._say(now, "+33639989999", self.dice.one(WORDS), "0000", now)

    def due(self, now: datetime) -> list[Said]:
        return [said for said in self.said if said.due <= now]

    def took(self, said: Said, taken: Taken) -> None:
        """The guichet has it; a provider that missed the answer hands it over again."""
        if said.taken is None:
            said.taken = taken
            self.done.append(said)
        if not self.dice.happens(self.dice.rates.repeat):
            self.said.remove(said)
        else:
            self.dice.note("sms: handed over again")

    def _write(self, text: Text, at: datetime, words: tuple[str, ...]) -> None:
        self._say(at, text.to, self.dice.one(words), _code(text), text.at)

    def _say(self, at: datetime, phone: str, words: str, code: str, since: datetime) -> None:
        sms = InboundSms.model_validate(
            {"message_id": self._new_id(since), "from": phone, "text": words.format(code=code),
             "received_at": at}
        )  # fmt: skip
        self.said.append(Said(at, sms))

    def _new_id(self, since: datetime) -> str:
        """No two SMS have one id, even where several answer texts of one instant."""
        name = f"in-{len(self.said) + len(self.done)}-{int(since.timestamp())}"
        while name in self.names:
            name += "-more"
        self.names.add(name)
        return name


def _code(text: Text) -> str:
    found = CODE.search(text.text)
    return found.group() if found else "0000"


def other_parent(phone: str) -> str:
    """The number beside this one in its family (`town.Family.phone`)."""
    return f"{phone[:-2]}{1 - int(phone[-2:]):02}"
