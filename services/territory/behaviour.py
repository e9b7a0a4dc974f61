"""How invented families and structures behave: what they answer to a proposal, when, and by which way.

Every spread is in `figures.py`. The words are those people really send: with a code, without one, or off the point.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from pydantic import AwareDatetime

from contracts.vocabulary import Answer, Channel, Frozen, Id, RefusalReason, VacancyKind
from services.calendar import at, is_opening_day, local_day
from services.territory import figures
from services.territory.calendars import next_working_day
from services.territory.chance import Chance, seeded
from services.territory.people import Contact, Family


class ProposalFacts(Frozen):
    """What a family knows of a proposal: `reached_at` is when its phone had the message."""

    proposal: Id
    code: str
    kind: VacancyKind
    reached_at: AwareDatetime
    answer_by: AwareDatetime


class FamilyAnswer(Frozen):
    """What comes back `delay` after the message: an SMS in these words, or a gesture on the page of the link.

    By phone, `text` is what the family says once the guichet calls, which may be at any time.
    """

    delay: timedelta
    text: str
    channel: Channel
    contact: Id


def answers_of(family: Family, facts: ProposalFacts, seed: int) -> tuple[FamilyAnswer, ...]:
    """What `family` answers to one proposal, in order of time; empty is silence.

    One answer as a rule; two where it says OUI twice, changes its mind, or two parents contradict each other.
    """
    draw = seeded(seed).of("answer", family.id, facts.proposal)
    reader = next((contact for contact in family.contacts if contact.channel == "sms" and contact.may_answer), None)
    if reader is None:
        said = draw.weighted("by_phone", figures.BY_PHONE.weights)
        return (_answer(timedelta(0), said.label, Channel.PHONE, family.contacts[0]),)
    manner = draw.weighted("manner", figures.ANSWERS.weights)
    answers = MANNERS[manner](family, reader, facts, draw)
    return tuple(sorted(answers, key=lambda answer: answer.delay))


def delay_of(facts: ProposalFacts, draw: Chance) -> timedelta:
    """Minutes for an urgent or occasional place, hours for a regular one; mostly soon, seldom late, never after."""
    allowed = (facts.answer_by - facts.reached_at).total_seconds()
    longest = min(allowed * 0.9, timedelta(hours=36).total_seconds())
    return timedelta(seconds=max(30, round(longest * draw.share("delay") ** 3)))


def _answer(delay: timedelta, text: str, channel: Channel, contact: Contact) -> FamilyAnswer:
    return FamilyAnswer(delay=delay, text=text, channel=channel, contact=contact.id)


Manner = Callable[[Family, Contact, ProposalFacts, Chance], list[FamilyAnswer]]


def _sms(*wordings: str) -> Manner:
    """One SMS in one of these words; `{code}` stands for the proposal's code."""

    def answer(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
        text = draw.pick("words", wordings).format(code=facts.code)
        return [_answer(delay_of(facts, draw), text, Channel.SMS, reader)]

    return answer


def _link(said: Answer) -> Manner:
    """A gesture on the page."""

    def answer(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
        return [_answer(delay_of(facts, draw), said.label, Channel.LINK, reader)]

    return answer


def _silence(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
    return []


def _late_yes(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
    """OUI some minutes or hours after the limit, beyond any grace."""
    late = facts.answer_by - facts.reached_at + timedelta(minutes=draw.whole("late", 30, 600))
    return [_answer(late, f"OUI {facts.code}", Channel.SMS, reader)]


def _yes_twice(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
    """By the link, then by SMS to be sure."""
    first = delay_of(facts, draw)
    again = first + timedelta(seconds=draw.whole("again", 20, 240))
    return [
        _answer(first, Answer.OUI.label, Channel.LINK, reader),
        _answer(again, f"OUI {facts.code}", Channel.SMS, reader),
    ]


def _no_then_yes(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
    """A change of mind within the quarter of an hour in which a NON can be undone."""
    first = delay_of(facts, draw)
    again = first + timedelta(minutes=draw.whole("again", 2, 12))
    return [
        _answer(after, f"{said} {facts.code}", Channel.SMS, reader) for after, said in ((first, "NON"), (again, "OUI"))
    ]


def _contradiction(family: Family, reader: Contact, facts: ProposalFacts, draw: Chance) -> list[FamilyAnswer]:
    """One parent says OUI and the other NON; a parent alone just says OUI."""
    first = delay_of(facts, draw)
    answers = [_answer(first, f"OUI {facts.code}", Channel.SMS, reader)]
    others = [each for each in family.contacts if each.may_answer and each.id != reader.id and each.channel == "sms"]
    after = first + timedelta(minutes=draw.whole("other", 3, 50))
    return answers + [_answer(after, f"NON {facts.code}", Channel.SMS, other) for other in others[:1]]


MANNERS: dict[str, Manner] = {
    "oui": _sms("OUI {code}", "OUI {code}", "OUI {code}", "oui {code}", "Oui {code}.", "OUI{code}"),
    "oui_merci": _sms("oui merci", "Oui merci beaucoup", "oui", "OUI !!", "ok oui {code}"),
    "oui_by_link": _link(Answer.OUI),
    "oui_twice": _yes_twice,
    "late_oui": _late_yes,
    "non": _sms("NON {code}", "NON {code}", "non {code}", "Non merci", "non"),
    "non_by_link": _link(Answer.NON),
    "non_then_oui": _no_then_yes,
    "contradiction": _contradiction,
    "rappel": _sms("RAPPEL {code}", "rappel {code}", "Rappelez moi svp"),
    "oui_mais": _sms(
        "oui mais pas le vendredi", "Oui mais à partir de janvier ?", "oui {code} mais le matin seulement"
    ),
    "kes_c_ca": _sms("kes c ca", "c qui ?", "Bonjour je n'ai pas compris", "?", "demain"),
    "fin": _sms("FIN {code}", "fin {code}"),
    "erreur": _sms("ERREUR", "ERREUR {code}", "vous vous trompez de numéro"),
    "silence": _silence,
}


class Confirmation(Frozen):
    """What a structure does `delay` after a family's OUI: it refuses for a reason, or gives the dates."""

    delay: timedelta
    refused: RefusalReason | None = None
    appointment: AwareDatetime | None = None
    adaptation_start: date | None = None
    first_full_day: date | None = None


def confirmation_of(proposal: Id, accepted_at: datetime, starts: date, seed: int) -> Confirmation:
    """How a structure settles an accepted proposal whose care starts on `starts`.

    Within some working hours; one in twenty waits four days. Raises ValueError if `accepted_at` is naive.
    """
    draw = seeded(seed).of("confirmation", proposal)
    delay = _working_delay(accepted_at, draw)
    if not draw.happens("confirms", figures.CONFIRMS.value):
        return Confirmation(delay=delay, refused=draw.weighted("reason", figures.REFUSALS.weights))
    meets = next_working_day(local_day(accepted_at + delay))
    adaptation = max(starts, next_working_day(meets))
    return Confirmation(
        delay=delay,
        appointment=at(meets, time(draw.whole("hour", 9, 17))),
        adaptation_start=adaptation,
        first_full_day=adaptation + timedelta(days=draw.pick("adaptation", (5, 7, 7, 14))),
    )


def _working_delay(accepted_at: datetime, draw: Chance) -> timedelta:
    """Until a director sits down to it: the next morning or afternoon of a working day."""
    day = local_day(accepted_at)
    for _ in range(4 if draw.happens("late", figures.CONFIRMS_LATE.value) else draw.whole("days", 0, 1)):
        day = next_working_day(day)
    sits = at(day, time(draw.whole("sits", 9, 17), draw.whole("minute", 0, 59)))
    if sits <= accepted_at or not is_opening_day(day):
        day = next_working_day(day)
        sits = at(day, time(9, draw.whole("minute", 0, 59)))
    return sits - accepted_at
