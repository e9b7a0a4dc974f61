"""Every live proposal of a territory has a reply code of its own, however many there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts.vocabulary import ProposalState
from services.matcher import codes
from services.matcher import tables as t
from services.matcher.codes import free_code
from tests.matcher.world import MONDAY, TERRITORY, World, now_at

DIGITS = 2


@pytest.fixture(autouse=True)
def few_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes, "CODE_DIGITS", DIGITS)


def _take(tx: sa.Connection, codes: list[str], state: ProposalState) -> None:
    """Proposals with these codes, and nothing else that would count here."""
    names = ("family", "structure", "section", "kind")
    rest = {"territory": TERRITORY, **dict.fromkeys(names, "x"), "slots": [], "starts": MONDAY, "tier": 2, "points": 0}
    rest |= {"since": MONDAY - timedelta(days=9), "needs_person": False, "urgent": False, "state": state.value}
    rows = [{"proposal": f"p-{code}", "request": f"r-{code}", "code": code, **rest} for code in codes]
    tx.execute(t.proposals.insert(), [{**row, "made_at": now_at(9)} for row in rows])


def _all_but(*left: str) -> list[str]:
    return [code for n in range(10**DIGITS) if (code := f"{n:0{DIGITS}}") not in left]


def test_the_only_code_that_is_left_is_found(world: World) -> None:
    with world.engine.begin() as tx:
        _take(tx, _all_but("42"), ProposalState.SENT)
        assert {free_code(tx, TERRITORY, f"p-{n}") for n in range(3)} == {"42"}
        assert free_code(tx, "elsewhere", "p-1") != "42"


def test_a_code_is_free_again_once_its_proposal_is_over(world: World) -> None:
    with world.engine.begin() as tx:
        first = free_code(tx, TERRITORY, "p")
        _take(tx, [first], ProposalState.EXPIRED)
        assert free_code(tx, TERRITORY, "p") == first


def test_a_live_code_is_not_given_again(world: World) -> None:
    with world.engine.begin() as tx:
        first = free_code(tx, TERRITORY, "p")
        _take(tx, [first], ProposalState.ACCEPTED)
        assert free_code(tx, TERRITORY, "p") != first


def test_where_no_code_is_left_it_says_so(world: World) -> None:
    with world.engine.begin() as tx:
        _take(tx, _all_but(), ProposalState.SENT)
        with pytest.raises(RuntimeError):
            free_code(tx, TERRITORY, "p")
