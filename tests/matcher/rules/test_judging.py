"""What an answer is worth, in every state, from everybody, in time and late: the whole table, written out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from contracts.proposals import Verdict
from contracts.vocabulary import HEALTH_CRITERIA, LIVE, Answer, Channel, Criterion, ProposalState, VacancyKind
from services.matcher.rules.proposals import (
    NEXT,
    Effect,
    Judgement,
    Standing,
    is_still_free,
    judge,
    judge_undo,
    leaves_by_itself,
)

S = ProposalState
LIMIT = datetime(2026, 9, 9, 16, tzinfo=UTC)
IN_TIME, LATE = LIMIT, LIMIT + timedelta(seconds=1)
WROTE, OTHER, STAFF = "parent-1", "parent-2", "coordinator"
BY_THEMSELVES = (Channel.SMS, Channel.LINK, Channel.API)
BY_STAFF = (Channel.PHONE, Channel.COUNTER, Channel.COUNSELLOR)
SAYERS = [(who, channel) for channel in BY_THEMSELVES for who in (WROTE, OTHER)] + [(STAFF, c) for c in BY_STAFF]

VERDICTS = {"t": Verdict.TAKEN, "r": Verdict.REPEATED, "l": Verdict.LATE, "x": Verdict.NOT_ALLOWED}
EFFECTS = {
    "A": Effect.ACCEPT,
    "D": Effect.DECLINE_LATER,
    "N": Effect.DECLINE_NOW,
    "F": Effect.FREEZE,
    "C": Effect.CALL_BACK,
    "W": Effect.WRONG_NUMBER,
    "Y": Effect.LATE_YES,
    "-": Effect.NOTHING,
}
# Verdict and effect: by the contact who answered before (or first), by another one, by a person for the family; late.
TABLE = """
prepared    oui    x- x- x- x-
prepared    non    x- x- x- x-
prepared    rappel x- x- x- x-
prepared    fin    x- x- x- x-
released    oui    tA tA tA lY
released    non    tD tD tD l-
released    rappel tC tC tC tC
released    fin    tN tN tN l-
accepted    oui    r- r- r- r-
accepted    non    tD tF tD tD
accepted    rappel tC tC tC tC
accepted    fin    tN tF tN tN
declining   oui    tA tF tA lY
declining   non    r- r- r- r-
declining   rappel tC tC tC tC
declining   fin    tN tN tN tN
frozen      oui    x- x- tA x-
frozen      non    x- x- tN x-
frozen      rappel tC tC tC tC
frozen      fin    x- x- tN x-
confirmed   oui    r- r- r- r-
confirmed   non    tC tC tC tC
confirmed   rappel tC tC tC tC
confirmed   fin    tC tC tC tC
declined    oui    lY lY lY lY
declined    non    r- r- r- r-
declined    rappel tC tC tC tC
declined    fin    r- r- r- r-
expired     oui    lY lY lY lY
expired     non    l- l- l- l-
expired     rappel tC tC tC tC
expired     fin    l- l- l- l-
"""
LIKE = {
    S.HELD: S.PREPARED,
    S.SENT: S.RELEASED,
    S.DELIVERED: S.RELEASED,
    S.UNDELIVERED: S.RELEASED,
    S.WITHDRAWN: S.EXPIRED,
    S.REFUSED: S.EXPIRED,
}
ROWS = {(state, answer): cells for state, answer, *cells in (line.split() for line in TABLE.split("\n") if line)}


def expected(state: ProposalState, answer: Answer, who: str, kind: VacancyKind, late: bool) -> Judgement:
    if answer is Answer.ERREUR:
        return Judgement(Verdict.TAKEN, Effect.WRONG_NUMBER)
    column = 3 if late else (WROTE, OTHER, STAFF).index(who)
    verdict, effect = ROWS[LIKE.get(state, state).value, answer.value][column]
    if effect == "D" and kind is not VacancyKind.REGULAR:
        effect = "N"  # an urgent NON is final at once
    return Judgement(VERDICTS[verdict], EFFECTS[effect])


CASES = list(product(S, Answer, SAYERS, VacancyKind))


def test_every_answer_in_every_state_by_everybody_in_time_is_judged_as_the_table_says() -> None:
    for state, answer, (who, channel), kind in CASES:
        standing = Standing(state, kind, LIMIT, WROTE, LIMIT)
        found = judge(standing, answer, IN_TIME, who, channel, consent=True)
        assert found == expected(state, answer, who, kind, late=False), (state, answer, who, channel, kind)


def test_every_late_answer_is_judged_as_the_table_says() -> None:
    for state, answer, kind in product(S, Answer, VacancyKind):
        standing = Standing(state, kind, LIMIT, WROTE, LIMIT)
        found = judge(standing, answer, LATE, WROTE, Channel.SMS, consent=True)
        assert found == expected(state, answer, WROTE, kind, late=True), (state, answer, kind)


def test_nothing_is_late_while_nobody_was_reached() -> None:
    for state in (S.RELEASED, S.SENT, S.UNDELIVERED):
        standing = Standing(state, VacancyKind.REGULAR, None, None)
        assert judge(standing, Answer.OUI, LATE, WROTE, Channel.SMS, consent=True).effect is Effect.ACCEPT


def test_a_counsellor_answers_only_with_the_consent_of_the_family() -> None:
    standing = Standing(S.DELIVERED, VacancyKind.ON_CALL, LIMIT, None)
    refused = judge(standing, Answer.OUI, IN_TIME, STAFF, Channel.COUNSELLOR, consent=False)
    assert refused == Judgement(Verdict.NOT_ALLOWED, Effect.NOTHING)
    assert judge(standing, Answer.OUI, IN_TIME, STAFF, Channel.COUNSELLOR, consent=True).effect is Effect.ACCEPT


@pytest.mark.parametrize(
    ("state", "when", "who", "channel", "verdict", "effect"),
    [
        (S.DECLINING, IN_TIME, WROTE, Channel.SMS, Verdict.TAKEN, Effect.RESTORE),
        (S.DECLINING, LATE, WROTE, Channel.SMS, Verdict.LATE, Effect.NOTHING),
        (S.DECLINING, IN_TIME, OTHER, Channel.LINK, Verdict.TAKEN, Effect.FREEZE),
        (S.DECLINING, IN_TIME, STAFF, Channel.PHONE, Verdict.TAKEN, Effect.RESTORE),
        (S.DECLINED, IN_TIME, WROTE, Channel.SMS, Verdict.LATE, Effect.NOTHING),
        (S.ACCEPTED, IN_TIME, WROTE, Channel.SMS, Verdict.LATE, Effect.NOTHING),
    ],
)
def test_a_no_is_taken_back_in_time_and_by_its_own_contact(
    state: ProposalState, when: datetime, who: str, channel: Channel, verdict: Verdict, effect: Effect
) -> None:
    standing = Standing(state, VacancyKind.REGULAR, LIMIT, WROTE, LIMIT)
    assert judge_undo(standing, when, who, channel) == Judgement(verdict, effect)


def test_no_effect_leads_where_the_states_do_not_allow() -> None:
    leads = {
        Effect.ACCEPT: S.ACCEPTED,
        Effect.DECLINE_LATER: S.DECLINING,
        Effect.DECLINE_NOW: S.DECLINED,
        Effect.FREEZE: S.FROZEN,
    }
    for state, answer, (who, channel), kind in CASES:
        standing = Standing(state, kind, LIMIT, WROTE, LIMIT)
        effect = judge(standing, answer, IN_TIME, who, channel, consent=True).effect
        assert effect not in leads or leads[effect] in NEXT[state], (state, answer, effect)


def test_a_closed_proposal_goes_nowhere_and_a_live_one_can_always_be_withdrawn() -> None:
    assert set(NEXT) == set(S)
    assert all(not NEXT[state] for state in S if state not in LIVE)
    assert all(S.WITHDRAWN in NEXT[state] for state in LIVE)


def test_nothing_expires_that_was_not_delivered() -> None:
    assert [state for state in S if S.EXPIRED in NEXT[state]] == [S.DELIVERED]


@pytest.mark.parametrize("kind", VacancyKind)
@pytest.mark.parametrize("voted", [False, True])
def test_health_and_care_to_prepare_always_wait_for_a_person(kind: VacancyKind, voted: bool) -> None:
    for criterion in HEALTH_CRITERIA:
        assert not leaves_by_itself(kind, frozenset({criterion, Criterion.RESIDENT}), False, voted)
    assert not leaves_by_itself(kind, frozenset(), True, voted)
    alone = leaves_by_itself(kind, frozenset({Criterion.RESIDENT}), False, voted)
    assert alone is (voted or kind is not VacancyKind.REGULAR)


def test_a_place_is_believed_as_long_as_somebody_stands_by_it() -> None:
    week = timedelta(days=7)
    assert is_still_free(VacancyKind.REGULAR, LIMIT - week, LIMIT, week)
    assert not is_still_free(VacancyKind.REGULAR, LIMIT - week - timedelta(seconds=1), LIMIT, week)
    assert not is_still_free(VacancyKind.REGULAR, None, LIMIT, week)
    assert is_still_free(VacancyKind.ON_CALL, None, LIMIT, week)
