"""What a family's SMS says, and nothing that it does not say."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import Answer
from services.ingest.sms_replies import POLITE, parse_reply

CLEAR = [
    ("OUI", Answer.OUI, None),
    ("oui merci", Answer.OUI, None),
    ("Oui svp 4821", Answer.OUI, "4821"),
    ("OUI4821", Answer.OUI, "4821"),
    ("4821 oui", Answer.OUI, "4821"),
    ("  oui !! ", Answer.OUI, None),
    ("oui s'il vous plaît", Answer.OUI, None),
    ("Bonjour, oui. Merci beaucoup 🙏", Answer.OUI, None),
    ("oui oui", Answer.OUI, None),
    ("ＯＵＩ ４８２１", Answer.OUI, "4821"),
    ("NON 482199", Answer.NON, "482199"),
    ("non merci", Answer.NON, None),
    ("Rappel 4821", Answer.RAPPEL, "4821"),
    ("rappelez-moi svp", Answer.RAPPEL, None),
    ("fin", Answer.FIN, None),
    ("Erreur de numéro", Answer.ERREUR, None),
]
UNCLEAR = [
    "", "   ", "?", "oui ?", "oui mais pas le mardi", "oui mais", "demain", "kes c ca", "ok", "d'accord", "peut-être",
    "non oui", "OUI NON 4821", "pas oui", "oui si c'est le matin", "oui 4821 4822", "oui 0639980011", "4821", "ouais",
    "oui 👎", "si", "oui sauf mercredi", "fin de semaine", "c'est une erreur", "no", "yes", "oui 12", "нет", "نعم",
]  # fmt: skip


@pytest.mark.parametrize(("text", "answer", "code"), CLEAR)
def test_an_answer_with_its_code_and_politeness_is_understood(text: str, answer: Answer, code: str | None) -> None:
    reply = parse_reply(text)
    assert (reply.answer, reply.code, reply.understood) == (answer, code, True)


@pytest.mark.parametrize("text", UNCLEAR)
def test_whatever_leaves_a_doubt_is_not_understood(text: str) -> None:
    reply = parse_reply(text)
    assert (reply.answer, reply.understood, reply.stop) == (None, False, False)


def test_a_code_is_read_even_where_the_words_are_not_understood() -> None:
    assert parse_reply("oui mais pas le mardi 4821").code == "4821"


@pytest.mark.parametrize("text", ["STOP", "stop merci", "Stop 4821"])
def test_stop_is_no_answer_and_stops_the_channel(text: str) -> None:
    reply = parse_reply(text)
    assert (reply.answer, reply.understood, reply.stop) == (None, False, True)


def test_a_sentence_with_the_word_stop_stops_nothing() -> None:
    assert not parse_reply("le bus ne fait plus stop ici").stop


@given(st.text(max_size=200))
def test_any_text_at_all_is_read_without_an_error(text: str) -> None:
    reply = parse_reply(text)
    assert reply.understood == (reply.answer is not None)


words = st.sampled_from(["oui", "non", "merci", "svp", "4821", "mais", "pas", "demain", "?", "si", "sauf", "peut-être"])


@given(st.lists(words, max_size=6), st.sampled_from(["mais", "pas", "si", "sauf", "?", "demain", "quand ?"]))
def test_a_condition_or_a_question_is_never_an_answer(said: list[str], doubt: str) -> None:
    for position in range(len(said) + 1):
        text = " ".join([*said[:position], doubt, *said[position:]])
        assert parse_reply(text).answer is None, text


@given(st.text(max_size=60))
def test_oui_needs_the_word_oui_and_no_word_beside_politeness(extra: str) -> None:
    reply = parse_reply(f"oui {extra}")
    if reply.answer is Answer.OUI:
        plain = unicodedata.normalize("NFKD", extra).upper()
        letters = "".join(c if c.isascii() and c.isalpha() else " " for c in plain if not unicodedata.combining(c))
        assert set(letters.split()) <= POLITE | {"OUI"}
        assert "?" not in extra


@given(st.permutations(["oui", "4821", "merci"]), st.sampled_from(["upper", "title", "lower"]))
def test_order_and_case_change_nothing(said: list[str], case: str) -> None:
    reply = parse_reply(getattr(" ".join(said), case)())
    assert (reply.answer, reply.code) == (Answer.OUI, "4821")
