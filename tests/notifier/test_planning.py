"""Which event makes which text, once, and which texts are no longer wanted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.placements import PlacementConfirmed, PlacementEnded, PlacementEnding
from contracts.proposals import (
    ProposalAccepted,
    ProposalDeclined,
    ProposalDeclining,
    ProposalExpired,
    ProposalFrozen,
    ProposalReleased,
    ProposalReminded,
    ProposalRestored,
    ProposalWithdrawn,
    ReplyJudged,
    Verdict,
)
from contracts.releases import SignInRequested
from contracts.vocabulary import Answer, Channel, DepartureReason, Period, VacancyKind, WithdrawalReason
from services.notifier.gateways.gateway import Outcome, SendResult
from services.notifier.handlers import MOST_ANSWERS
from services.vault import Contact, OwnerKind, put_contacts
from tests.matcher.world import MONDAY, MORNINGS, now_at
from tests.notifier.desk import FAMILY, FIRST, KEYRING, SECOND, WEEKS, Desk, one_day, parents

LIMIT = now_at(18, day=MONDAY + timedelta(days=2))


async def judged(desk: Desk, verdict: Verdict, answer: Answer = Answer.OUI, **facts: Any) -> None:
    defaults = {"proposal": "p-1", "answered_by": "c-first", "channel": Channel.SMS}
    await desk.hear(ReplyJudged, "reply", verdict=verdict, answer=answer, **{**defaults, **facts})


async def accepted(desk: Desk, **facts: Any) -> None:
    defaults = {"answered_by": "c-first", "channel": Channel.SMS, "received_at": desk.clock(), "confirm_by": LIMIT}
    await desk.hear(ProposalAccepted, "p-1", **{**defaults, **facts})


async def declining(desk: Desk) -> None:
    until = desk.clock() + timedelta(minutes=15)
    await desk.hear(ProposalDeclining, "p-1", undo_until=until, answered_by="c-first", channel=Channel.SMS)


async def test_a_family_that_nobody_reached_is_told_that_its_time_is_over_and_promised_no_call(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    await withdrawn(desk, WithdrawalReason.FAMILY_UNREACHABLE, knew=True)
    assert set(await desk.states()) == {"proposal", "expired"}


async def withdrawn(desk: Desk, reason: WithdrawalReason, *, knew: bool) -> None:
    await desk.hear(ProposalWithdrawn, "p-1", reason=reason, after_yes=False, family_knew=knew)


async def test_a_released_proposal_is_one_text_with_its_code_its_limit_and_its_link(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    (text,) = desk.sent
    assert "Les Lucioles" in text and "OUI 4711" in text and "mer 9/09 8h" in text
    assert "https://guichet.example/p/" in text
    await desk.send()
    assert len(desk.sent) == 1


async def test_the_same_event_twice_plans_one_text(desk: Desk) -> None:
    await desk.offer()
    event = ProposalReminded.say(
        "p-1", cause="half", source="matcher", territory="montlucon", time=desk.clock(), deadline=LIMIT
    )
    for _ in range(2):
        await desk.take(event)
    assert (await desk.states())["reminder"] == ["planned"]


async def test_a_single_day_is_offered_with_its_hours(desk: Desk) -> None:
    day = MONDAY + timedelta(days=1)
    await desk.offer(slots=one_day(day), kind=VacancyKind.ON_CALL)
    await desk.send()
    assert "mar 8 sept. 8h-12h" in desk.sent[0]


async def test_a_wave_says_that_the_first_oui_wins_and_who_lost_reads_once_that_the_place_is_taken(desk: Desk) -> None:
    day = MONDAY + timedelta(days=1)
    await desk.offer(slots=one_day(day), kind=VacancyKind.OCCASIONAL, wave="w-1", asked_at_once=3)
    await desk.send()
    assert "mar 8 sept. 8h-12h" in desk.sent[0] and "elle va au 1er OUI" in desk.sent[0]
    await withdrawn(desk, WithdrawalReason.TAKEN, knew=True)
    await desk.send()
    assert len(desk.sent) == 2
    assert "place prise, Les Lucioles, mar 8 sept.: une autre famille a répondu avant." in desk.sent[1]


async def test_a_family_whose_child_keeps_its_place_reads_so_and_one_whose_place_ends_does_not(desk: Desk) -> None:
    await confirmed(desk, "place-1", request="r-0")
    await confirmed(desk, "place-2", request="r-00", period=Period(start=MONDAY, end=WEEKS.start))
    await desk.offer(replaces="place-1", keeps_place=True)
    await desk.offer("p-2", request="r-2", replaces="place-2", code="4712")
    await desk.send()
    kept, ends = sorted(desk.sent, key=lambda text: "OUI 4712" in text)
    assert "Sans OUI, votre place reste." in kept and "place reste" not in ends
    await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
    await desk.send()
    assert "Vous gardez votre place actuelle." in desk.sent[-1]


async def test_a_family_whom_the_text_of_a_wave_never_left_for_is_told_nothing_of_its_end(desk: Desk) -> None:
    await desk.offer(wave="w-1", asked_at_once=2)
    await withdrawn(desk, WithdrawalReason.TAKEN, knew=False)
    await desk.send()
    assert desk.sent == []


async def test_a_place_for_weeks_that_is_offered_late_begins_from_now_on(desk: Desk) -> None:
    await desk.offer(period=Period(start=date(2026, 9, 1)))
    await desk.send()
    assert "7/09" in desk.sent[0] and "1/09" not in desk.sent[0]


@pytest.mark.parametrize(("at_once", "words"), [(False, "vous appelle"), (True, "Les Lucioles")])
async def test_a_yes_is_acknowledged_to_the_phone_that_wrote_it(desk: Desk, at_once: bool, words: str) -> None:
    await desk.offer()
    await accepted(desk, confirmed_at_once=at_once, answered_by="c-second")
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [SECOND]
    assert words in desk.sent[0]
    assert (await desk.states())["proposal"] == ["cancelled"]
    assert set(await desk.states()) == {"proposal", "confirmed" if at_once else "accepted"}


async def test_a_second_yes_gives_no_second_text(desk: Desk) -> None:
    await desk.offer()
    await accepted(desk)
    await judged(desk, Verdict.TAKEN)
    await judged(desk, Verdict.REPEATED)
    assert set(await desk.states()) == {"proposal", "accepted"}


async def test_a_no_said_at_night_is_acknowledged_in_the_morning_even_if_it_is_final_by_then(desk: Desk) -> None:
    await desk.offer()
    desk.clock.set(now_at(23))
    await declining(desk)
    desk.clock.advance(timedelta(minutes=15))
    await desk.hear(ProposalDeclined, "p-1", answer=Answer.NON, answered_by="c-first")
    assert await desk.send() == 0
    desk.clock.set(now_at(8, day=MONDAY + timedelta(days=1)))
    await desk.send()
    assert [text[:30] for text in desk.sent] == ["Guichet enfance: NON 4711 noté"]


async def test_a_no_taken_back_at_night_is_not_acknowledged_in_the_morning(desk: Desk) -> None:
    await desk.offer()
    desk.clock.set(now_at(23))
    await declining(desk)
    await desk.hear(ProposalRestored, "p-1", deadline=LIMIT)
    assert (await desk.states())["declined"] == ["cancelled"]


async def test_a_family_that_ends_its_request_itself_is_told_nothing(desk: Desk) -> None:
    await desk.offer()
    await desk.hear(ProposalDeclined, "p-1", answer=Answer.FIN, answered_by="c-first")
    await withdrawn(desk, WithdrawalReason.REQUEST_CLOSED, knew=True)
    assert set(await desk.states()) == {"proposal"}


@pytest.mark.parametrize("knew", [True, False])
async def test_a_withdrawal_is_told_to_a_family_that_knew(desk: Desk, knew: bool) -> None:
    await desk.offer()
    await withdrawn(desk, WithdrawalReason.STAFF_SHORTAGE, knew=knew)
    assert ("withdrawn" in await desk.states()) is knew


async def test_a_withdrawal_is_told_where_the_text_left_before_the_matcher_heard_of_it(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    await withdrawn(desk, WithdrawalReason.STAFF_SHORTAGE, knew=False)
    await desk.send()
    assert "n'a plus cette place" in desk.sent[1]


async def test_no_untrue_text_leaves_when_the_family_itself_asked_for_something_else(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    await withdrawn(desk, WithdrawalReason.REQUEST_CHANGED, knew=True)
    await judged(desk, Verdict.LATE)
    assert set(await desk.states()) == {"proposal"}


async def test_an_end_by_silence_is_told_and_not_to_whom_only_a_counsellor_held_a_place(desk: Desk) -> None:
    await desk.offer()
    await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
    assert (await desk.states())["expired"] == ["planned"]
    await desk.made("p-2", held_by="counsellor")
    await desk.hear(ProposalExpired, "p-2", deadline=LIMIT)
    assert (await desk.states())["expired"] == ["planned"]


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (None, "merci de votre OUI"),
        (WithdrawalReason.FAMILY_UNREACHABLE, "merci de votre OUI"),
        (WithdrawalReason.CLOSURE, "n'a plus cette place"),
        (WithdrawalReason.TAKEN, "place prise"),
    ],
)
async def test_a_late_yes_is_told_what_became_of_the_place(
    desk: Desk, ended: WithdrawalReason | None, words: str
) -> None:
    await desk.offer()
    await desk.send()
    if ended:
        await withdrawn(desk, ended, knew=False)
    else:
        await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
    await desk.send()
    await judged(desk, Verdict.LATE, answered_by="c-second")
    await desk.send()
    assert words in desk.sent[-1]
    assert desk.gateway.sent[-1].to in (FIRST, SECOND)


async def test_a_late_non_is_told_that_the_delay_is_over(desk: Desk) -> None:
    await desk.offer()
    await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
    await judged(desk, Verdict.LATE, Answer.NON)
    await desk.send()
    assert {"délai passé" in text for text in desk.sent} == {True}


async def test_words_nobody_understands_get_an_answer_twice_at_most(desk: Desk) -> None:
    await desk.offer()
    for _ in range(5):
        await judged(desk, Verdict.UNCLEAR, Answer.RAPPEL)
        await desk.send()
    assert len((await desk.states())["misunderstood"]) == MOST_ANSWERS == 2


async def test_rappel_is_acknowledged_once_while_an_answer_is_wanted_and_once_behind_that(desk: Desk) -> None:
    """The text that the time is over asks for RAPPEL too: whoever writes it again is told again; a machine is not."""
    await desk.offer()
    await desk.send()
    for _ in range(3):
        await judged(desk, Verdict.TAKEN, Answer.RAPPEL)
        await desk.send()
    assert ["RAPPEL 4711 noté" in text for text in desk.sent] == [False, True]
    await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
    for _ in range(3):
        await judged(desk, Verdict.TAKEN, Answer.RAPPEL)
        await desk.send()
    assert len((await desk.states())["call_back"]) == 2


async def test_a_call_is_promised_to_nobody_but_who_asked_for_it(desk: Desk) -> None:
    """Who wrote STOP before, and RAPPEL now, gets no text; the other parent read "nous vous appelons" instead."""
    await desk.keep(*parents(suspended=True))
    await desk.made("p-1")
    await judged(desk, Verdict.TAKEN, Answer.RAPPEL)
    await desk.send()
    assert (desk.sent, (await desk.states())["call_back"]) == ([], ["failed"])


@pytest.mark.parametrize("verdict", [Verdict.TAKEN, Verdict.REPEATED, Verdict.LATE, Verdict.NOT_ALLOWED])
async def test_fin_is_acknowledged_once_whatever_became_of_the_proposal(desk: Desk, verdict: Verdict) -> None:
    """It closes the request in any case: a late one was told "votre demande reste active"."""
    await desk.offer()
    await desk.send()
    for _ in range(2):
        await judged(desk, verdict, Answer.FIN)
        await withdrawn(desk, WithdrawalReason.REQUEST_CLOSED, knew=True)
        await desk.send()
    assert ["FIN 4711 noté. Votre demande est close" in text for text in desk.sent] == [False, True]


async def test_a_fin_behind_a_confirmed_place_says_that_the_place_stays(desk: Desk) -> None:
    """The request is closed, the child stays where it is, and the guichet has a call to make."""
    await desk.offer()
    await confirmed(desk, "p-1")
    await judged(desk, Verdict.TAKEN, Answer.FIN)
    await desk.send()
    (text,) = (text for text in desk.sent if "FIN 4711 noté. Votre demande est close" in text)
    assert "Vous gardez votre place actuelle." in text


@pytest.mark.parametrize(
    ("place", "announced"),
    [
        ({}, True),
        ({"period": Period(start=MONDAY, end=MONDAY + timedelta(days=1))}, False),
        ({"slots": one_day(MONDAY)}, False),
    ],
    ids=["left", "its period is over", "its one day is over"],
)
async def test_a_fin_behind_a_place_that_is_over_does_not_say_that_it_stays(
    desk: Desk, place: dict[str, Any], announced: bool
) -> None:
    """Somebody said that the child left, or the last day passed without a word."""
    await desk.offer(**place)
    await confirmed(desk, "p-1", **place)
    if announced:
        await left(desk, "p-1")
    else:
        desk.clock.advance(timedelta(days=1))
    await judged(desk, Verdict.TAKEN, Answer.FIN)
    await desk.send()
    (text,) = (text for text in desk.sent if "FIN 4711 noté. Votre demande est close" in text)
    assert "place actuelle" not in text


async def confirmed(desk: Desk, placement: str, proposal: str = "p-1", **facts: Any) -> None:
    defaults = {"request": "r-1", "structure": "creche-A", "section": "s", "slots": MORNINGS, "period": WEEKS}
    await desk.hear(PlacementConfirmed, placement, proposal=proposal, **{**defaults, **facts})


async def left(desk: Desk, placement: str, last_day: date = MONDAY) -> None:
    await desk.hear(
        PlacementEnded, placement, structure="creche-A", last_day=last_day, reason=DepartureReason.MOVED
    )  # fmt: skip


async def leaving(desk: Desk, placement: str, last_day: date) -> None:
    reason = DepartureReason.MOVED
    await desk.hear(
        PlacementEnding, placement, structure="creche-A", section="s", last_day=last_day, reason=reason
    )  # fmt: skip


STAYS = "Sans OUI, votre place reste."


async def reminded_of_another(desk: Desk, *, starts: date = WEEKS.start) -> str:
    """The text about a second place, offered to a child that keeps its first one, p-1, unless its family says OUI."""
    period = Period(start=starts, end=WEEKS.end)
    await desk.made("p-2", request="r-2", code="4712", period=period, replaces="p-1", keeps_place=True)
    await desk.hear(ProposalReleased, "p-2", answer_by=LIMIT, by="coordinator")
    await desk.send()
    return desk.sent[-1]


async def test_another_place_is_not_said_to_leave_one_that_has_ended_since(desk: Desk) -> None:
    """The reminder, the silence and a late OUI said "votre place reste" of a place that the child had left."""
    await confirmed(desk, "p-1")
    assert STAYS in await reminded_of_another(desk)
    await left(desk, "p-1")
    await desk.hear(ProposalReminded, "p-2", deadline=LIMIT)
    await desk.hear(ProposalExpired, "p-2", deadline=LIMIT)
    await desk.send()
    assert "délai passé, la place Les Lucioles est libérée" in desk.sent[-1]
    await judged(desk, Verdict.LATE, proposal="p-2")
    await desk.send()
    assert "Votre demande reste active" in desk.sent[-1]
    assert sum("votre place" in text for text in desk.sent) == 1


async def test_another_place_is_not_said_to_leave_one_that_ends_before_it_begins(desk: Desk) -> None:
    """A departure that is announced counts as soon as it is; put off, the place stays again."""
    starts = WEEKS.start + timedelta(days=30)
    await confirmed(desk, "p-1")
    assert STAYS in await reminded_of_another(desk, starts=starts)
    for days, stays in ((-1, False), (0, True)):
        await leaving(desk, "p-1", starts + timedelta(days=days))
        await desk.hear(ProposalReminded, "p-2", deadline=LIMIT)
        await desk.send()
        assert (STAYS in desk.sent[-1]) is stays


@pytest.mark.parametrize("ended", ["p-1", "p-1.other"])
async def test_the_half_of_a_shared_week_that_goes_on_is_said_to_stay(desk: Desk, ended: str) -> None:
    """Whichever half ends; with both, nothing stays."""
    for half in ("p-1", "p-1.other"):
        await confirmed(desk, half)
    await left(desk, ended)
    assert STAYS in await reminded_of_another(desk)
    await judged(desk, Verdict.TAKEN, Answer.FIN, proposal="p-2")
    await desk.send()
    assert "Vous gardez votre place actuelle." in desk.sent[-1]
    await left(desk, "p-1.other" if ended == "p-1" else "p-1")
    await desk.hear(ProposalReminded, "p-2", deadline=LIMIT)
    await desk.send()
    assert STAYS not in desk.sent[-1]


async def test_the_other_half_of_a_shared_week_stays_behind_a_fin_about_the_first(desk: Desk) -> None:
    await desk.offer()
    for half in ("p-1", "p-1.other"):
        await confirmed(desk, half)
    await left(desk, "p-1")
    await desk.send()
    await judged(desk, Verdict.TAKEN, Answer.FIN)
    await desk.send()
    assert "Vous gardez votre place actuelle." in desk.sent[-1]


async def test_a_late_oui_of_a_child_that_was_placed_since_is_told_that_its_place_stays(desk: Desk) -> None:
    """Its request is served: "votre demande reste active" was not true."""
    await desk.made("p-0", code="4710")
    await desk.hear(ProposalReleased, "p-0", answer_by=LIMIT, by="coordinator")
    await desk.hear(ProposalExpired, "p-0", deadline=LIMIT)
    await desk.send()
    await confirmed(desk, "p-1")
    await judged(desk, Verdict.LATE, proposal="p-0")
    await desk.send()
    assert "Vous gardez votre place." in desk.sent[-1]


async def test_the_halves_of_a_shared_week_are_one_place_that_stays_behind_a_fin(desk: Desk) -> None:
    await desk.offer()
    await confirmed(desk, "p-1")
    await confirmed(desk, "p-1.other")
    await judged(desk, Verdict.TAKEN, Answer.FIN)
    await desk.send()
    assert any("Vous gardez votre place actuelle." in text for text in desk.sent)


@pytest.mark.parametrize("verdict", [Verdict.UNCLEAR, Verdict.LATE])
async def test_the_other_parent_is_not_told_of_words_and_of_a_oui_that_it_never_wrote(
    desk: Desk, verdict: Verdict
) -> None:
    """The one who wrote takes no more texts: the guichet has it to call already, for both."""
    await desk.offer()
    await desk.send()
    if verdict is Verdict.LATE:
        await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
        await desk.send()
    before = len(desk.sent)
    await desk.keep(*parents(suspended=True))
    await judged(desk, verdict)
    await desk.send()
    assert len(desk.sent) == before
    template = "misunderstood" if verdict is Verdict.UNCLEAR else "late_yes"
    assert (await desk.states())[template] == ["failed"]


@pytest.mark.parametrize(("answer", "words"), [(Answer.NON, "délai passé"), (Answer.FIN, "FIN 4711 noté")])
async def test_the_other_parent_is_told_what_is_true_of_the_family_where_the_writer_takes_no_text(
    desk: Desk, answer: Answer, words: str
) -> None:
    await desk.keep(*parents(suspended=True))
    await desk.offer()
    await desk.hear(ProposalExpired, "p-1", deadline=LIMIT)
    await judged(desk, Verdict.LATE, answer)
    await desk.send()
    assert any(words in text for text in desk.sent)
    assert {sms.to for sms in desk.gateway.sent} == {SECOND}


async def test_a_second_stop_about_another_proposal_is_not_acknowledged_again(desk: Desk) -> None:
    """Before the first one left, and behind that: the text said that it was the last."""
    await desk.keep(*parents(suspended=True))
    for proposal in ("p-1", "p-2"):
        await desk.made(proposal)
        await judged(desk, Verdict.STOPPED, Answer.RAPPEL, proposal=proposal)
    await desk.send()
    await judged(desk, Verdict.STOPPED, Answer.RAPPEL, proposal="p-2")
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [FIRST]


async def test_an_acknowledged_stop_is_the_last_text_to_its_number_and_comes_to_no_other(desk: Desk) -> None:
    first, second = parents(suspended=True)
    await desk.keep(first, second)
    await desk.made("p-1")
    for _ in range(3):
        await judged(desk, Verdict.STOPPED, Answer.RAPPEL)
        await desk.send()
    (sms,) = desk.gateway.sent
    assert (sms.to, "STOP noté, plus aucun SMS à ce numéro" in sms.text) == (FIRST, True)
    await desk.offer("p-2")
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [FIRST, SECOND]


async def test_a_stop_from_a_number_that_was_corrected_since_is_acknowledged_too(desk: Desk) -> None:
    await desk.keep(*parents(suspended=True))
    await desk.made("p-1")
    await judged(desk, Verdict.STOPPED, Answer.RAPPEL)
    await desk.send()
    await desk.keep(*parents(phone="06 39 98 10 77"))
    await desk.offer("p-2")
    await desk.send()
    await judged(desk, Verdict.STOPPED, Answer.RAPPEL, proposal="p-2")
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [FIRST, *["+33639981077"] * 2]


async def test_the_other_parent_who_says_stop_is_told_too(desk: Desk) -> None:
    await desk.keep(*(each.model_copy(update={"suspended": True}) for each in parents()))
    await desk.made("p-1")
    for contact in ("c-first", "c-second"):
        await judged(desk, Verdict.STOPPED, Answer.RAPPEL, answered_by=contact)
    await desk.send()
    assert sorted(sms.to for sms in desk.gateway.sent) == [FIRST, SECOND]


async def test_a_stop_that_the_operator_takes_for_its_own_is_not_told_to_somebody_else(desk: Desk) -> None:
    """A number that the operator has put on its black list gets nothing, and the other parent no such text."""
    first, second = parents(suspended=True)
    await desk.keep(first, second)
    await desk.made("p-1")
    desk.gateway.next_results.append(SendResult(outcome=Outcome.FAILED, reason="liste noire"))
    await judged(desk, Verdict.STOPPED, Answer.RAPPEL)
    for _ in range(2):
        await desk.send()
    assert (desk.sent, (await desk.states())["stopped"]) == ([], ["failed"])


async def test_a_stranger_who_said_erreur_is_not_even_told_of_stop(desk: Desk) -> None:
    first, second = parents(suspended=True, stranger=True)
    await desk.keep(first, second)
    await desk.made("p-1")
    await judged(desk, Verdict.STOPPED, Answer.RAPPEL)
    await desk.send()
    assert desk.sent == []


async def test_without_an_open_question_words_nobody_understands_go_to_a_person_alone(desk: Desk) -> None:
    await desk.made("p-1", held_by="counsellor")
    await judged(desk, Verdict.UNCLEAR, Answer.RAPPEL)
    assert await desk.states() == {}


@pytest.mark.parametrize("channel", [Channel.LINK, Channel.PHONE, Channel.COUNTER])
async def test_who_answers_by_another_way_than_sms_sees_the_outcome_there(desk: Desk, channel: Channel) -> None:
    await desk.offer()
    await judged(desk, Verdict.LATE, channel=channel)
    assert set(await desk.states()) == {"proposal"}


async def test_contradictory_answers_stop_the_reminder(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    await desk.hear(ProposalReminded, "p-1", deadline=LIMIT)
    await desk.hear(ProposalFrozen, "p-1")
    await desk.send()
    assert (await desk.states())["reminder"] == ["cancelled"]


async def test_a_professional_gets_the_one_time_link_at_any_hour(desk: Desk) -> None:
    person = Contact.model_validate({"id": "c-staff", "phone": SECOND, "name": "Ida Exemple"})
    await desk.vault.write(put_contacts, KEYRING, "u-1", (person,), MONDAY, OwnerKind.STAFF)
    desk.clock.set(now_at(23))
    await desk.hear(SignInRequested, "link-1", person="u-1")
    await desk.send()
    assert "https://guichet.example/connexion/" in desk.sent[0]


def test_the_family_of_these_tests_is_invented() -> None:
    assert FAMILY == "f-1" and FIRST.startswith("+3363998")
