"""A decision as a committee looks at it: checked, explained by what would have been enough, forced, compared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.matcher.solver.components import sealed
from services.matcher.solver.schema import Outcome, Reason, Violation, Why, WishReason
from services.matcher.solver.verify import GUARANTEES
from services.matcher.solver.what_if import FORCED, forced_hold, with_forced
from tests.cli.command import Command
from tests.cli.test_matching import edited
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.test_own_lists import SWAPPED

CASE = {
    "places": {"X": {"mon": 1, "tue": 1, "wed": 1}, "Y": {"mon": 1}},
    "requests": {
        "A": {"points": 50, "wishes": ["X"], "days": [["mon"]]},
        "B": {"points": 40, "wishes": ["X"], "days": [["mon", "tue", "wed"]]},
    },
}


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    path = tmp_path / "round.json"
    path.write_text(round_of(CASE).model_dump_json(), encoding="utf-8")
    return path


@pytest.fixture
def outcome(tmp_path: Path, berceau: Command, asked: Path) -> Path:
    path = tmp_path / "outcome.json"
    assert berceau("match", asked, "--out", path).code == 0
    return path


def test_a_decision_that_keeps_its_promises_is_said_to(berceau: Command, asked: Path, outcome: Path) -> None:
    said = berceau("verify", asked, outcome, "--recompute")
    assert said.code == 0
    assert "oui  G1   Dans aucun créneau il n'y a plus d'enfants que de places libres." in said.out
    assert "NON" not in said.out
    assert "Refait, le calcul donne la même décision" in said.out


def test_a_decision_that_breaks_a_promise_is_found_though_its_hash_is_right(
    berceau: Command, asked: Path, outcome: Path, tmp_path: Path
) -> None:
    emptied = sealed(Outcome.model_validate_json(outcome.read_bytes()).model_copy(update={"placed": ()}))
    forged = tmp_path / "forged.json"
    forged.write_text(emptied.model_dump_json(), encoding="utf-8")
    said = berceau("verify", asked, forged, "--recompute")
    assert said.code == 1
    assert "NON  G6" in said.out
    assert "en défaut\u00a0: A, X-all" in said.out
    assert "NON       Refait" in said.out
    assert {row["guarantee"] for row in berceau("verify", asked, forged, "--json").json["violations"]} >= {"G5", "G6"}


def test_a_child_held_back_by_a_fault_that_was_made_up_is_not_passed_over(
    berceau: Command, asked: Path, outcome: Path, tmp_path: Path
) -> None:
    decided = Outcome.model_validate_json(outcome.read_bytes())
    fault = Violation(guarantee="G1", sentence=GUARANTEES["G1"], requests=("A",))
    lines = tuple(
        Reason(request=name, placed=False, wishes=(WishReason(structure="X", why=Why.WITHHELD),)) for name in "AB"
    )
    silent = {"placed": (), "reasons": lines, "withheld": ("A", "B"), "violations": (fault,)}
    forged = tmp_path / "forged.json"
    forged.write_text(sealed(decided.model_copy(update=silent)).model_dump_json(), encoding="utf-8")
    said = berceau("verify", asked, forged)
    assert said.code == 1
    assert "NON  G1" in said.out
    assert "Sans réponse, car le contrôle a trouvé une faute\u00a0: A, B" in said.out


def test_how_many_requests_are_proven_to_have_the_best_possible_is_said(
    berceau: Command, asked: Path, outcome: Path, tmp_path: Path
) -> None:
    said = berceau("verify", asked, outcome)
    assert "oui       Refaites par addition\u00a0: 1\u00a0preuve." in said.out
    assert "Le mieux possible est prouvé pour 2 des 2\u00a0demandes." in said.out
    assert berceau("verify", asked, outcome, "--json").json["proofs"] == {
        "written": 1, "best": ["A", "B"], "open": [], "false": []
    }  # fmt: skip
    bare = tmp_path / "bare.json"
    assert berceau("match", asked, "--out", bare, "--no-proofs").code == 0
    assert "Aucune preuve n'est écrite à côté de cette décision." in berceau("verify", asked, bare).out


def test_a_proof_that_somebody_edited_is_found_though_the_hash_is_right(
    berceau: Command, asked: Path, outcome: Path
) -> None:
    false = edited(outcome, lambda data: data["certificate"]["refusals"][0].update(unit="A"))
    said = berceau("verify", asked, false)
    assert said.code == 1
    assert "NON  G17" in said.out
    assert "Sans preuve écrite\u00a0: B" in said.out


def test_a_family_reads_the_proof_in_plain_words(berceau: Command, asked: Path, outcome: Path) -> None:
    said = berceau("explain", outcome, "B", "--round", asked)
    assert said.out.endswith(
        "Preuve à X\u00a0: le lundi 7\u00a0septembre 2026 à 8\u00a0h, il y a 1 place.\n"
        "Un enfant qui passe avant la prend.\n"
    )
    assert "Preuve" not in berceau("explain", outcome, "A", "--round", asked).out


def test_an_edited_decision_is_refused(berceau: Command, asked: Path, outcome: Path) -> None:
    said = berceau("verify", asked, edited(outcome, lambda data: data["placed"].clear()))
    assert said.code == 5
    assert "empreinte différente" in said.err


def test_the_draw_can_be_recomputed_from_what_verify_prints(berceau: Command, asked: Path, outcome: Path) -> None:
    import hmac

    drawn = berceau("verify", asked, outcome, "--json").json["draw"]
    tickets = {row["request"]: row["ticket"] for row in drawn}
    assert tickets == {id_: hmac.digest(b"golden", id_.encode(), "sha256").hex() for id_ in ("A", "B")}
    assert [row["ticket"] for row in drawn] == sorted(tickets.values())


def test_checking_needs_no_solver(asked: Path, outcome: Path) -> None:
    code = (
        "import sys; from services.cli.main import run; code = run(sys.argv[1:]);"
        "sys.exit(9 if 'ortools' in sys.modules else code)"
    )
    done = subprocess.run([sys.executable, "-c", code, "verify", asked, outcome], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_what_would_have_been_enough_is_said_in_french(berceau: Command, asked: Path, outcome: Path) -> None:
    said = berceau("enough", asked, outcome, "B")
    assert said.out == "Sans lundi, elle aurait eu une place à X.\n"
    assert berceau("enough", asked, outcome, "A").out == "Cette demande reçoit une proposition.\n"
    assert [row["kind"] for row in berceau("enough", asked, outcome, "B", "--json").json] == ["fewer_days"]
    assert berceau("enough", asked, outcome, "Z").code == 5


def test_forcing_a_child_in_names_whom_it_touches(berceau: Command, asked: Path, outcome: Path) -> None:
    said = berceau("force", asked, outcome, "B", "X-all")
    assert said.out == "A perdrait sa place\u00a0: X (vœu 1) → en attente\n"
    assert berceau("force", asked, outcome, "B", "Y-all").out.startswith("Cette place n'est pas libre")
    assert berceau("force", asked, outcome, "B", "X-all", "--json").json["touched"][0]["effect"] == "loses"
    assert "n'a pas de semaine 3" in berceau("force", asked, outcome, "B", "X-all", "--pattern", "3").err
    assert berceau("force", asked, outcome, "B", "nowhere").code == 5


def test_two_decisions_are_compared_by_profile(berceau: Command, asked: Path, outcome: Path, tmp_path: Path) -> None:
    other = json.loads(asked.read_text(encoding="utf-8"))
    other["requests"][1]["points"] = 60
    other["requests"][1]["tier"] = 1
    turned, after = tmp_path / "turned.json", tmp_path / "after.json"
    turned.write_text(json.dumps(other), encoding="utf-8")
    berceau("match", turned, "--out", after)
    said = berceau("compare", outcome, after, "--round", turned)
    assert said.out.splitlines() == [
        "Enfants placés\u00a0: 1 avant, 1 après.",
        "A perdrait sa place\u00a0: X (vœu 1) → en attente",
        "B aurait une place\u00a0: en attente → X (vœu 1)",
        "  priorité 1\u00a0: 1 aurait une place",
        "  priorité 2\u00a0: 1 perdrait sa place",
    ]
    assert berceau("compare", outcome, outcome, "--json").json == {"differences": [], "profiles": {}}


def test_what_persons_decided_is_named_as_their_decision_and_is_no_fault(berceau: Command, tmp_path: Path) -> None:
    case, path = tmp_path / "round.json", tmp_path / "outcome.json"
    round = round_of({**CASE, "places": {**CASE["places"], "X": {"mon": 2, "tue": 1, "wed": 1}}})
    asked = next(row for row in round.requests if row.id == "A")
    hold = forced_hold(round, asked, "X-all", 0)
    case.write_text(with_forced(round, hold).model_dump_json(), encoding="utf-8")
    assert berceau("match", case, "--out", path).code == 0
    said = berceau("verify", case, path)
    assert said.code == 0
    assert "Décision de personnes\u00a0: la demande A est placée en X-all." in said.out
    (told,) = berceau("verify", case, path, "--json").json["decided_by_persons"]
    assert (told["forced"], told["reason"]) == ("A", FORCED)


def test_levels_of_lists_that_contradict_each_other_are_told_with_what_proves_them(
    berceau: Command, tmp_path: Path
) -> None:
    asked, outcome, bare = (tmp_path / name for name in ("round.json", "outcome.json", "bare.json"))
    asked.write_text(round_of(SWAPPED).model_dump_json(), encoding="utf-8")
    assert berceau("match", asked, "--out", outcome).code == 0
    said = berceau("verify", asked, outcome)
    assert said.code == 0
    assert "Là où les listes des structures se contredisent\u00a0:\n" in said.out
    assert "            cas d'envie justifiée\u00a0: 0 (prouvé)\n" in said.out
    assert "            droits servis, priorité 2 à 90\u00a0points\u00a0: 2 (prouvé)\n" in said.out
    false = edited(outcome, lambda data: data["certificate"]["levels"][1].update(value=1))
    found = berceau("verify", asked, false)
    assert (found.code, "NON  G10" in found.out) == (1, True)
    assert "droits servis, priorité 2 à 90\u00a0points\u00a0: 1 (non prouvé, au mieux 2)" in found.out
    assert berceau("match", asked, "--out", bare, "--no-proofs").code == 0
    assert "se contredisent" not in berceau("verify", asked, bare).out
