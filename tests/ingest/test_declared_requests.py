"""What families and counsellors ask for, and what is answered for them."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.replies import CallRecorded, HoldRequested, ReplyReceived, ReplyUndone
from contracts.requests import AcceptedPattern, DeclaredCriterion, RequestAmended, RequestClosed, RequestRegistered
from contracts.requests import WishedStructure as Wish
from contracts.vocabulary import Answer, Channel, ClosingReason, Criterion, Period, RequestKind, Slot, Weekday
from services.ingest import credentials, store
from services.ingest.actors import Actor, Role
from services.ingest.declare import holds, replies, requests
from services.ingest.declare.holds import HoldBody
from services.ingest.declare.replies import CallBody
from services.ingest.declare.requests import ClosingBody
from services.ingest.problems import Refused, Why
from tests.ingest.people import (
    ANYBODY,
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    DIRECTOR,
    GRANDS,
    NOW,
    OTHER_COUNSELLOR,
    STRANGER,
    TERRITORY,
    TODAY,
    TUESDAY,
    act,
    later,
    need_body,
    open_on_call,
    register,
    said,
    urgent_need,
)
from tests.ingest.proposals import CONTACT, hear, made, placed
from tests.ingest.test_declared_places import codes

FAMILY = Actor(CONTACT, Role.FAMILY, TERRITORY, family="F-R-1", request="R-1", proposal="O-1")


def test_registering_keeps_the_need_and_says_it_without_a_name(town: sa.Connection) -> None:
    register(town)
    (event,) = said(town, RequestRegistered)
    assert isinstance(event, RequestRegistered)
    assert (event.subject, event.family, event.child, event.since) == ("R-1", "F-R-1", "E-R-1", date(2026, 11, 10))
    row = store.find(town, store.requests, "R-1")
    assert row is not None
    assert (row["state"], row["kind"], row["prescriber"]) == ("open", "regular", None)


@pytest.mark.parametrize("actor", [DIRECTOR, ANYBODY])
def test_structures_and_the_public_register_no_request(town: sa.Connection, actor: Actor) -> None:
    with pytest.raises(Refused) as refused:
        register(town, actor=actor)
    assert refused.value.why is Why.FORBIDDEN


def test_a_counsellor_is_the_prescriber_of_its_own_files_and_of_no_other(town: sa.Connection) -> None:
    register(town, actor=COUNSELLOR, need=urgent_need())
    row = store.find(town, store.requests, "R-1")
    assert row is not None
    assert row["prescriber"] == COUNSELLOR.id
    with pytest.raises(Refused) as refused:
        requests.close_request(town, act(OTHER_COUNSELLOR), "R-1", ClosingBody(reason=ClosingReason.MOVED_AWAY))
    assert refused.value.why is Why.FORBIDDEN
    with pytest.raises(Refused) as named:
        register(town, "R-2", OTHER_COUNSELLOR, urgent_need(prescriber=COUNSELLOR.id))
    assert named.value.why is Why.FORBIDDEN


def test_nobody_adds_to_the_file_of_a_family_that_is_not_theirs(town: sa.Connection) -> None:
    register(town, actor=COUNSELLOR, need=urgent_need())
    with pytest.raises(Refused) as refused:
        requests.register_request(
            town, act(OTHER_COUNSELLOR), urgent_need(), request="R-2", family="F-R-1", child="E-2"
        )
    assert refused.value.why is Why.FORBIDDEN


def test_the_guichet_names_only_a_prescriber_that_is_known(town: sa.Connection) -> None:
    with pytest.raises(Refused) as refused:
        register(town, need=need_body(prescriber=COUNSELLOR.id))
    assert codes(refused) == {"unknown_prescriber"}
    person = {"id": COUNSELLOR.id, "territory": TERRITORY, "role": "counsellor", "registered_at": NOW}
    store.put(town, credentials.persons, person)
    register(town, need=need_body(prescriber=COUNSELLOR.id))
    assert len(said(town, RequestRegistered)) == 1


def days(*slots: Slot) -> tuple[AcceptedPattern, ...]:
    return (AcceptedPattern(slots=slots, rank=1),)


MANY = tuple(Slot(day=TODAY + timedelta(days=10 + n), start=time(8), end=time(9)) for n in range(61))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"born": TODAY + timedelta(days=1)}, "born_in_future"),
        ({"born": date(2019, 1, 1)}, "too_old"),
        ({"born": date(2028, 1, 1), "is_born": False}, "due_too_late"),
        ({"born": date(2026, 8, 1), "is_born": False}, "birth_not_said"),
        ({"period": Period(start=TODAY - timedelta(days=1))}, "in_the_past"),
        ({"since": date(2040, 1, 1)}, "too_far"),
        ({"wishes": ()}, "wish_wanted"),
        ({"wishes": (Wish(structure=CRECHE, rank=1), Wish(structure=CRECHE, rank=2))}, "wish_twice"),
        ({"wishes": (Wish(structure="S-nulle-part", rank=1),)}, "unknown_structure"),
        ({"patterns": days(Slot(day=date(2026, 11, 12), start=time(8), end=time(9)))}, "weekdays_wanted"),
        ({"patterns": days(*MANY), "kind": RequestKind.OCCASIONAL}, "too_many_slots"),
        ({"patterns": days(TUESDAY, Slot(day=Weekday.TUE, start=time(9), end=time(10)))}, "overlapping_slots"),
        ({"kind": RequestKind.URGENT}, "insertion_wanted"),
        ({"kind": RequestKind.URGENT, "wishes": ()}, "no_on_call_place"),
    ],
)
def test_a_wrong_need_is_refused_with_its_rule(town: sa.Connection, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        register(town, need=need_body(**changes))
    assert code in codes(refused)
    assert said(town, RequestRegistered) == []


def test_only_the_guichet_validates_a_criterion_except_insertion_by_prescription(town: sa.Connection) -> None:
    alone = DeclaredCriterion(criterion=Criterion.SINGLE_PARENT, validated=True)
    with pytest.raises(Refused) as refused:
        register(town, actor=COUNSELLOR, need=need_body(criteria=(alone,)))
    assert codes(refused) == {"not_yours_to_validate"}
    register(town, "R-2", COUNSELLOR, urgent_need())
    register(town, "R-3", COORDINATOR, need_body(criteria=(alone,)))
    assert len(said(town, RequestRegistered)) == 2


def test_an_urgent_need_without_wishes_takes_any_on_call_place(town: sa.Connection) -> None:
    open_on_call(town)
    register(town, actor=COUNSELLOR, need=urgent_need(wishes=()))
    (event,) = said(town, RequestRegistered)
    assert isinstance(event, RequestRegistered)
    assert [wish.structure for wish in event.wishes] == [CRECHE]


def test_amending_says_the_whole_need_and_may_keep_a_past_start(town: sa.Connection) -> None:
    register(town)
    now = later(days=30)
    requests.amend_request(town, act(COORDINATOR, now), "R-1", need_body(travel_minutes=20))
    (event,) = said(town, RequestAmended)
    assert isinstance(event, RequestAmended)
    assert (event.family, event.travel_minutes) == ("F-R-1", 20)


def test_nobody_overwrites_what_somebody_else_wrote_meanwhile(town: sa.Connection) -> None:
    register(town)
    seen = requests.version_of(requests.open_request(town, act(COORDINATOR), "R-1"))
    requests.amend_request(town, act(COORDINATOR, later(minutes=1)), "R-1", need_body(travel_minutes=20), seen)
    with pytest.raises(Refused) as refused:
        requests.amend_request(town, act(COORDINATOR, later(minutes=2)), "R-1", need_body(travel_minutes=30), seen)
    assert codes(refused) == {"changed_meanwhile"}
    assert len(said(town, RequestAmended)) == 1


def test_a_request_outlives_the_post_of_who_prescribed_it(town: sa.Connection) -> None:
    gone = {"id": COUNSELLOR.id, "territory": TERRITORY, "role": "counsellor", "registered_at": NOW, "left_at": NOW}
    store.put(town, credentials.persons, gone)
    register(town, actor=COUNSELLOR, need=urgent_need())
    need = urgent_need(prescriber=COUNSELLOR.id, travel_minutes=20)
    requests.amend_request(town, act(COORDINATOR), "R-1", need)
    (event,) = said(town, RequestAmended)
    assert isinstance(event, RequestAmended)
    assert event.prescriber == COUNSELLOR.id


def test_a_closed_request_stays_closed(town: sa.Connection) -> None:
    register(town)
    body = ClosingBody(reason=ClosingReason.NO_LONGER_NEEDED)
    requests.close_request(town, act(COORDINATOR), "R-1", body)
    with pytest.raises(Refused) as refused:
        requests.close_request(town, act(COORDINATOR), "R-1", body)
    assert codes(refused) == {"closed"}
    assert len(said(town, RequestClosed)) == 1


def test_a_reply_is_named_by_its_event_so_that_its_verdict_finds_it(town: sa.Connection) -> None:
    register(town)
    hear(town, made())
    reply = replies.record_reply(town, act(FAMILY, channel=Channel.LINK), "O-1", Answer.OUI)
    (event,) = said(town, ReplyReceived)
    assert isinstance(event, ReplyReceived)
    assert (event.id, event.subject) == (reply, reply)
    assert (event.answered_by, event.answer, event.channel) == (CONTACT, Answer.OUI, Channel.LINK)
    replies.undo_reply(town, act(FAMILY, channel=Channel.LINK), "O-1")
    assert len(said(town, ReplyUndone)) == 1


def test_fin_is_an_answer_and_closes_the_request_in_one_transaction(town: sa.Connection) -> None:
    register(town)
    hear(town, made())
    replies.record_reply(town, act(FAMILY, channel=Channel.SMS), "O-1", Answer.FIN)
    (closed,) = said(town, RequestClosed)
    assert isinstance(closed, RequestClosed)
    assert (closed.reason, closed.said_by) == (ClosingReason.FOUND_ELSEWHERE, CONTACT)
    replies.record_reply(town, act(FAMILY, channel=Channel.SMS), "O-1", Answer.FIN)
    assert (len(said(town, RequestClosed)), len(said(town, ReplyReceived))) == (1, 2)


def test_a_counsellor_answers_for_its_own_family_with_its_consent_only(town: sa.Connection) -> None:
    register(town, actor=COUNSELLOR, need=urgent_need())
    hear(town, made())
    by_phone = act(COUNSELLOR, channel=Channel.COUNSELLOR)
    with pytest.raises(Refused) as refused:
        replies.record_reply(town, by_phone, "O-1", Answer.OUI)
    assert codes(refused) == {"consent_wanted"}
    replies.record_reply(town, by_phone, "O-1", Answer.OUI, consent=True)
    with pytest.raises(Refused) as foreign:
        replies.record_reply(town, act(OTHER_COUNSELLOR), "O-1", Answer.OUI, consent=True)
    assert foreign.value.why is Why.FORBIDDEN


def test_a_link_opens_one_proposal_and_no_other(town: sa.Connection) -> None:
    register(town)
    register(town, "R-2")
    hear(town, made(), made("O-2", "R-2"))
    with pytest.raises(Refused) as refused:
        replies.record_reply(town, act(FAMILY, channel=Channel.LINK), "O-2", Answer.OUI)
    assert refused.value.why is Why.FORBIDDEN


def test_staff_do_not_write_as_the_family(town: sa.Connection) -> None:
    register(town)
    hear(town, made())
    with pytest.raises(Refused) as refused:
        replies.record_reply(town, act(COORDINATOR, channel=Channel.SMS), "O-1", Answer.OUI)
    assert codes(refused) == {"not_your_channel"}


def test_a_call_is_recent_and_by_the_guichet_or_the_own_counsellor(town: sa.Connection) -> None:
    register(town)
    hear(town, made())
    replies.record_call(town, act(COORDINATOR), "O-1", CallBody(reached=True))
    for called_at in (later(minutes=1), later(days=-3)):
        with pytest.raises(Refused) as refused:
            replies.record_call(town, act(COORDINATOR), "O-1", CallBody(reached=True, called_at=called_at))
        assert codes(refused) == {"not_a_recent_call"}
    with pytest.raises(Refused) as foreign:
        replies.record_call(town, act(COUNSELLOR), "O-1", CallBody(reached=True))
    assert foreign.value.why is Why.FORBIDDEN
    with pytest.raises(Refused) as elsewhere:
        replies.record_call(town, act(STRANGER), "O-1", CallBody(reached=True))
    assert elsewhere.value.why is Why.UNKNOWN
    assert len(said(town, CallRecorded)) == 1


def test_a_hold_is_for_an_urgent_request_on_an_on_call_place(town: sa.Connection) -> None:
    register(town, actor=COUNSELLOR, need=urgent_need())
    body = HoldBody(request="R-1", section=GRANDS)
    with pytest.raises(Refused) as refused:
        holds.request_hold(town, act(COUNSELLOR), body)
    assert codes(refused) == {"no_on_call_place"}
    open_on_call(town)
    hold = holds.request_hold(town, act(COUNSELLOR), body)
    (event,) = said(town, HoldRequested)
    assert isinstance(event, HoldRequested)
    assert (event.subject, event.by, event.hours) == (hold, COUNSELLOR.id, 2)
    register(town, "R-2")
    with pytest.raises(Refused) as ordinary:
        holds.request_hold(town, act(COORDINATOR), HoldBody(request="R-2", section=GRANDS))
    assert codes(ordinary) == {"not_urgent"}
    with pytest.raises(Refused) as pattern:
        holds.request_hold(town, act(COUNSELLOR), HoldBody(request="R-1", section=GRANDS, pattern=3))
    assert codes(pattern) == {"unknown_pattern"}


VERIFIED = (Criterion.INSERTION, Criterion.DISABILITY, Criterion.DISABLED_RELATIVE, Criterion.TWINS)


def amended_by(tx: sa.Connection, actor: Actor, *lines: tuple[Criterion, bool]) -> set[tuple[Criterion, bool]]:
    """The criteria after `actor` sends the whole need with these, of a file where the guichet verified four."""
    verified = tuple(DeclaredCriterion(criterion=criterion, validated=True) for criterion in VERIFIED)
    register(tx, need=urgent_need(criteria=verified, prescriber=COUNSELLOR.id))
    criteria = tuple(DeclaredCriterion(criterion=criterion, validated=validated) for criterion, validated in lines)
    requests.amend_request(tx, act(actor), "R-1", urgent_need(criteria=criteria))
    (said_so,) = said(tx, RequestAmended)
    assert isinstance(said_so, RequestAmended)
    return {(line.criterion, line.validated) for line in said_so.criteria}


def test_a_counsellor_does_not_delete_what_it_may_not_see(town: sa.Connection) -> None:
    town.execute(credentials.persons.insert().values(
        id=COUNSELLOR.id, territory=TERRITORY, role=Role.COUNSELLOR.value, registered_at=NOW
    ))  # fmt: skip
    after = amended_by(town, COUNSELLOR, (Criterion.INSERTION, True), (Criterion.DISABILITY, False))
    assert after == {(Criterion.INSERTION, True), (Criterion.DISABILITY, True), (Criterion.DISABLED_RELATIVE, True)}


def test_the_guichet_deletes_what_it_leaves_out(town: sa.Connection) -> None:
    town.execute(credentials.persons.insert().values(
        id=COUNSELLOR.id, territory=TERRITORY, role=Role.COUNSELLOR.value, registered_at=NOW
    ))  # fmt: skip
    assert amended_by(town, COORDINATOR, (Criterion.INSERTION, True)) == {(Criterion.INSERTION, True)}


def test_a_change_names_the_place_of_this_very_child_and_of_no_other(town: sa.Connection) -> None:
    register(town)
    hear(town, made(), placed())
    change = need_body(kind=RequestKind.TRANSFER, current="L-1")
    requests.register_request(town, act(COORDINATOR), change, request="R-2", family="F-R-1", child="E-R-1")
    assert said(town, RequestRegistered)[-1].current == "L-1"
    with pytest.raises(Refused) as refused:
        requests.register_request(town, act(COORDINATOR), change, request="R-3", family="F-R-3", child="E-R-3")
    assert codes(refused) == {"other_child"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": RequestKind.TRANSFER, "current": "L-elsewhere"}, "unknown_placement"),
        ({"kind": RequestKind.REGULAR, "current": "L-1"}, "not_a_change"),
    ],
)
def test_a_place_that_is_not_known_or_not_to_be_changed_is_refused(
    town: sa.Connection, changes: dict[str, Any], code: str
) -> None:
    register(town)
    hear(town, made(), placed())
    need = need_body(**changes)
    with pytest.raises(Refused) as refused:
        requests.register_request(town, act(COORDINATOR), need, request="R-2", family="F-R-1", child="E-R-1")
    assert codes(refused) == {code}
