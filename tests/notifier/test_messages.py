"""The texts as people get them: golden files, the lengths on which they were counted, and what they never say."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import WEEKDAYS, MessageTemplate
from services.calendar import PARIS
from services.notifier import messages
from services.notifier.gsm7 import Encoding, length
from services.notifier.messages import IT_STAYS, LANGUAGES, SHARED, Facts, MissingFact, render
from services.notifier.structure_names import LONGEST, short_name, short_names

GOLDEN = Path(__file__).parent / "golden"
TEXTS = Path(messages.__file__).parent / "templates"
COUNTED = {
    MessageTemplate.PROPOSAL: 155,
    MessageTemplate.REMINDER: 155,
    MessageTemplate.ACCEPTED: 156,
    MessageTemplate.DECLINED: 133,
    MessageTemplate.EXPIRED: 158,
    MessageTemplate.WITHDRAWN: 147,
    MessageTemplate.ON_CALL: 152,
    MessageTemplate.MISUNDERSTOOD: 139,
    MessageTemplate.WAVE: 157,
    MessageTemplate.TAKEN: 151,
    MessageTemplate.LATE_YES: 156,
}
LINK = "https://guichet.exemple.fr/s/" + "A" * 22

everyday = Facts(
    phone="04 65 71 00 00",
    structure="Crèche Les Lutins",
    code="4821",
    days=frozenset({WEEKDAYS[0], WEEKDAYS[1], WEEKDAYS[3]}),
    starts_on=date(2026, 9, 1),
    day=date(2026, 3, 3),
    start=time(8),
    end=time(12, 30),
    limit=datetime(2026, 3, 3, 18, 0, tzinfo=PARIS),
    sent_on=date(2026, 3, 3),
    link=LINK,
    minutes=15,
)
longest = Facts(
    phone="04 65 71 00 00",
    structure="L'Île aux Enfançons 03",
    code="4821",
    days=frozenset(WEEKDAYS[n] for n in (0, 1, 3, 4, 6)),
    starts_on=date(2026, 10, 13),
    day=date(2027, 1, 13),
    start=time(8, 30),
    end=time(16, 30),
    limit=datetime(2026, 10, 13, 18, 0, tzinfo=PARIS),
    sent_on=date(2026, 10, 13),
    link=LINK,
    minutes=15,
)
before_the_morning = longest.model_copy(update={"sent_on": date(2026, 10, 12)})
"""Asked in the evening, with a limit of the next day: the hour carries its date."""
longest_on_call = longest.model_copy(update={"limit": datetime(2026, 10, 13, 18, 15, tzinfo=PARIS)})


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("template", MessageTemplate)
def test_a_text_reads_as_its_golden_file(template: MessageTemplate, language: str) -> None:
    golden = (GOLDEN / f"{language}_{template.value}.txt").read_text(encoding="utf-8")
    assert render(template, everyday, language).text + "\n" == golden


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("template", sorted(IT_STAYS))
def test_a_family_whose_child_has_a_place_reads_that_it_stays(template: MessageTemplate, language: str) -> None:
    """The same facts but for the place; even the longest ones with a code of five digits are one segment."""
    golden = (GOLDEN / f"{language}_{IT_STAYS[template]}.txt").read_text(encoding="utf-8")
    assert render(template, everyday.model_copy(update={"has_place": True}), language).text + "\n" == golden
    rendered = render(template, longest.model_copy(update={"has_place": True, "code": "48213"}), language)
    assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("template", sorted(SHARED))
def test_a_family_reads_in_one_text_of_the_two_structures_that_share_its_week(
    template: MessageTemplate, language: str
) -> None:
    """Even the longest names, a week of seven days and a code of five digits are one segment."""
    two = {"days": frozenset(WEEKDAYS[:2]), "other_structure": "Les Tilleuls", "other_days": frozenset(WEEKDAYS[3:5])}
    golden = (GOLDEN / f"{language}_{SHARED[template]}.txt").read_text(encoding="utf-8")
    assert render(template, everyday.model_copy(update=two), language).text + "\n" == golden
    seven = {
        "code": "48213",
        "other_structure": longest.structure,
        "days": frozenset(WEEKDAYS[n] for n in (0, 2, 4, 6)),
    }
    worst = longest.model_copy(update={**seven, "other_days": frozenset(WEEKDAYS[n] for n in (1, 3, 5))})
    rendered = render(template, worst, language)
    assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)


@pytest.mark.parametrize(
    ("one", "days", "other", "other_days", "said"),
    [
        ("Les Petits Cailloux", (1,), "Les Lucioles", (3,), "Les Petits Cailloux ma et Les Lucioles je"),
        (
            "Les Petits Cailloux",
            (0, 1),
            "Les Coccinelles",
            (3, 4),
            "Les Petits Cailloux lu ma et Les Coccinelles je ve",
        ),
        (
            "Les Petits Cailloux Bleus",
            (0, 1),
            "La Maison des Doudous",
            (3, 4),
            "Les Petits Cailloux lu ma et La Maison je ve",
        ),
    ],
)
def test_two_names_in_a_text_are_cut_only_as_far_as_one_segment_asks(
    one: str, days: tuple[int, ...], other: str, other_days: tuple[int, ...], said: str
) -> None:
    two = {"structure": one, "days": frozenset(WEEKDAYS[n] for n in days)}
    two |= {"other_structure": other, "other_days": frozenset(WEEKDAYS[n] for n in other_days)}
    rendered = render(MessageTemplate.PROPOSAL, everyday.model_copy(update=two))
    assert rendered.text.startswith(f"Guichet enfance propose {said} dès le ")
    assert rendered.segments == 1


def test_two_names_are_cut_no_further_than_a_segment_less_asks_for_where_a_link_takes_a_second_one() -> None:
    """The link alone makes two segments of it: a name that is cut would save nothing."""
    long = {"structure": "Les Petits Cailloux 03", "days": frozenset(WEEKDAYS[:2])}
    long |= {"other_structure": "Maison des Doudous 03", "other_days": frozenset(WEEKDAYS[3:5])}
    facts = everyday.model_copy(update=long)
    alone, linked = (render(MessageTemplate.PROPOSAL, facts, link=link) for link in ("", LINK))
    assert "Cailloux 03" not in alone.text and alone.segments == 1
    assert "propose Les Petits Cailloux 03 lu ma et Maison des Doudous 03 je ve dès" in linked.text
    assert linked.segments == 2


@pytest.mark.parametrize(
    ("one", "other", "longest", "said"),
    [
        ("Les Petits Loups Nord", "Les Petits Loups Sud", 16, ("Les Petits Nord", "Les Petits Sud")),
        ("Multi-accueil Les Lutins 1", "Multi-accueil Les Lutins 2", 10, ("Les Luti 1", "Les Luti 2")),
        ("Crèche Les Petits Lutins", "Micro-crèche Les Petits Lutins", 14, ("Crèche", "Micro-crèche")),
        ("Anticonstitutionnel", "Anticonstitutionnels", 10, ("l", "ls")),
        ("Les Lutins", "Les Lutins", 8, ("Les Luti", "Les Luti")),
        ("L'Envol", "L'Envol (AVIP)", 22, ("L'Envol", "L'Envol")),
    ],
)
def test_two_names_that_would_be_cut_alike_keep_the_words_that_tell_them_apart(
    one: str, other: str, longest: int, said: tuple[str, str]
) -> None:
    """But for those that read alike before: a label that says too much is not what tells them apart."""
    assert short_names(one, other, longest) == said
    assert short_names(other, one, longest) == said[::-1]


some_words = st.lists(
    st.sampled_from(["Les", "de", "la", "Micro-crèche", "Lutins", "Lutin", "Maternelle", "Maternelles", "1", "€€"]),
    min_size=1, max_size=6,
).map(" ".join)  # fmt: skip


@given(some_words, some_words, some_words, st.integers(messages.SHORTEST_OF_TWO, LONGEST))
def test_two_names_that_differ_before_they_are_cut_differ_behind_that(
    begin: str, one: str, other: str, longest: int
) -> None:
    names = f"{begin} {one}", f"{begin} {other}"
    short = short_names(*names, longest)
    assert (short[0] == short[1]) is (one == other)
    assert max(map(length, short)) <= longest and all(short)


def test_every_golden_file_and_every_text_belongs_to_a_template() -> None:
    names = [*(template.value for template in MessageTemplate), *IT_STAYS.values(), *SHARED.values()]
    wanted = {f"{language}_{name}.txt" for language in LANGUAGES for name in names}
    assert {path.name for path in GOLDEN.iterdir()} == wanted
    assert {f"{path.parent.name}_{path.name}" for path in TEXTS.glob("*/*.txt")} == wanted


@pytest.mark.parametrize(("template", "septets"), COUNTED.items())
def test_the_longest_values_give_the_counted_lengths(template: MessageTemplate, septets: int) -> None:
    ways = {MessageTemplate.ON_CALL: longest_on_call, MessageTemplate.WAVE: before_the_morning}
    rendered = render(template, ways.get(template, longest))
    assert length(rendered.text) == septets
    assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_wave_is_one_segment_in_every_language_even_with_the_date_of_its_limit(language: str) -> None:
    rendered = render(MessageTemplate.WAVE, before_the_morning, language)
    assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)
    assert ("13/10 18:00" if language == "en" else "13/10 18h") in rendered.text


@pytest.mark.parametrize(
    ("sent", "starts", "said"),
    [
        (date(2026, 12, 28), date(2027, 1, 4), "4/01"), (date(2026, 3, 3), date(2026, 9, 1), "1/09"),
        (date(2026, 10, 13), date(2027, 9, 1), "1/09/27"), (date(2026, 8, 20), date(2027, 9, 1), "1/09/27"),
    ],
)  # fmt: skip
def test_a_first_day_that_is_far_away_has_its_year(sent: date, starts: date, said: str) -> None:
    """Without it, "1/09" told in October is that of the month before, and told in August the one of next week."""
    facts = everyday.model_copy(update={"sent_on": sent, "starts_on": starts, "day": None})
    assert f"dès le {said}. Répondez" in render(MessageTemplate.PROPOSAL, facts).text
    assert f"dès le {said}. Un imprévu" in render(MessageTemplate.CONFIRMED, facts).text


TWO = {"other_structure": "L'Île aux Enfançons 04", "other_days": frozenset(WEEKDAYS[n] for n in (2, 5))}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("kind", [{}, {"has_place": True}, TWO], ids=["new", "keeps", "shared"])
def test_a_year_still_fits(kind: dict[str, object], language: str) -> None:
    facts = longest.model_copy(update={"starts_on": date(2027, 10, 13), "day": None, **kind})
    for template in (MessageTemplate.PROPOSAL, MessageTemplate.CONFIRMED):
        rendered = render(template, facts, language)
        assert "13/10/27" in rendered.text
        assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)


def test_a_confirmed_place_says_when_whether_it_is_dated_or_weekly() -> None:
    weekly = everyday.model_copy(update={"day": None})
    assert "vous attend: mar 3 mars 8h-12h30." in render(MessageTemplate.CONFIRMED, everyday).text
    assert "vous attend: lun mar jeu dès le 1/09." in render(MessageTemplate.CONFIRMED, weekly).text
    assert "expects you: Mon Tue Thu from 1/09." in render(MessageTemplate.CONFIRMED, weekly, "en").text


ABOUT_A_DAY = (MessageTemplate.ON_CALL, MessageTemplate.WAVE, MessageTemplate.TAKEN)

facts_of_any_kind = st.builds(
    Facts,
    phone=st.just("04 65 71 00 00"),
    structure=st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzçêœÉÀÎ’«»€ -"), min_size=1, max_size=60).filter(
        lambda name: short_name(name) != ""
    ),
    code=st.integers(1000, 9999).map(str),
    days=st.frozensets(st.sampled_from(WEEKDAYS), min_size=1),
    starts_on=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    day=st.dates(date(2026, 1, 1), date(2028, 12, 31)) | st.none(),
    start=st.times(time(6), time(13)),
    end=st.times(time(14), time(20)),
    limit=st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    sent_on=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    link=st.just(LINK),
    minutes=st.integers(1, 60),
    has_place=st.booleans(),
    other_structure=st.sampled_from(["", "L'Île aux Enfançons 03"]),
    other_days=st.frozensets(st.sampled_from(WEEKDAYS), min_size=1, max_size=3),
)


@given(facts_of_any_kind, st.sampled_from(tuple(MessageTemplate)), st.sampled_from(sorted(LANGUAGES)))
def test_whatever_the_facts_a_text_is_one_segment(facts: Facts, template: MessageTemplate, language: str) -> None:
    if template in ABOUT_A_DAY:
        facts = facts.model_copy(update={"day": facts.day or facts.starts_on})
    rendered = render(template, facts, language)
    assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)
    assert length(rendered.text) <= 160


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("template", MessageTemplate)
def test_codes_of_five_digits_still_fit(template: MessageTemplate, language: str) -> None:
    facts = before_the_morning if template is MessageTemplate.WAVE else longest
    rendered = render(template, facts.model_copy(update={"code": "48213"}), language)
    assert (rendered.encoding, rendered.segments) == (Encoding.GSM7, 1)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_reminder_says_in_every_language_what_silence_means_and_how_to_ask_for_a_call(language: str) -> None:
    silence = {"fr": "puis place libérée", "en": "or the place is released", "pt": "ou a vaga é libertada"}
    for template, said in ((MessageTemplate.REMINDER, silence[language]), (MessageTemplate.MISUNDERSTOOD, "RAPPEL")):
        text = render(template, everyday, language).text
        assert said in text
        assert "RAPPEL 4821" in text


def test_english_writes_hours_that_nobody_takes_for_a_delay() -> None:
    """ "before 18h" reads as "within eighteen hours"."""
    assert "by Tue 3/03 18:00." in render(MessageTemplate.PROPOSAL, everyday, "en").text
    assert "Tue 3/03 8:00-12:30," in render(MessageTemplate.ON_CALL, everyday, "en").text
    half_past = everyday.model_copy(update={"limit": datetime(2026, 3, 3, 18, 15, tzinfo=PARIS)})
    assert "by 3/03 18:15." in render(MessageTemplate.PROPOSAL, half_past, "en").text


@pytest.mark.parametrize(("language", "said"), [("en", "Mo Tu Th Fr Su from"), ("pt", "2a 3a 5a 6a dm a partir de")])
def test_many_weekdays_are_said_in_two_letters_where_three_would_not_fit(language: str, said: str) -> None:
    assert said in render(MessageTemplate.PROPOSAL, longest, language).text


def test_codes_of_six_digits_do_not_fit_the_reminder() -> None:
    assert render(MessageTemplate.REMINDER, longest.model_copy(update={"code": "482135"})).segments == 2


def test_a_family_whose_language_has_no_text_gets_french() -> None:
    rendered = render(MessageTemplate.PROPOSAL, everyday, "ar")
    assert rendered == render(MessageTemplate.PROPOSAL, everyday, "fr")
    assert rendered.language == "fr"


def test_a_missing_fact_is_named_rather_than_left_blank() -> None:
    for template in set(MessageTemplate) - {MessageTemplate.STOPPED}:  # says nothing but the phone of the guichet
        with pytest.raises(MissingFact, match=template.value):
            render(template, Facts(phone="04 65 71 00 00"))
    with pytest.raises(MissingFact, match="limite"):
        render(MessageTemplate.REMINDER, everyday.model_copy(update={"limit": None}))


def test_a_deadline_on_another_day_carries_its_date() -> None:
    tomorrow = everyday.model_copy(update={"limit": datetime(2026, 3, 4, 8, 15, tzinfo=PARIS)})
    assert "avant 18h." in render(MessageTemplate.ON_CALL, everyday).text
    assert "avant 4/03 8h15." in render(MessageTemplate.ON_CALL, tomorrow).text


def test_a_deadline_is_said_on_the_french_clock() -> None:
    summer = everyday.model_copy(update={"limit": datetime(2026, 7, 1, 16, 0, tzinfo=UTC)})
    assert "avant mer 1/07 18h" in render(MessageTemplate.REMINDER, summer).text


def test_a_link_is_added_where_the_gateway_carries_links() -> None:
    alone, linked = render(MessageTemplate.PROPOSAL, everyday), render(MessageTemplate.PROPOSAL, everyday, link=LINK)
    assert linked.text == f"{alone.text} {LINK}"
    assert (alone.segments, linked.segments) == (1, 2)


TOO_MUCH = re.compile(
    r"\b(enfants?|b[ée]b[ée]s?|children|child|criança\w*|handicap\w*|disab\w*|santé|health|saúde|pai|aeeh|rsa|caf|"
    r"insertion|social\w*|ch[ôo]m\w*|emploi|job\w*|isolée?s?|avip|pr[ée]nom)\b",
    re.IGNORECASE,
)


def test_no_text_speaks_of_a_child_a_disability_or_a_social_situation() -> None:
    assert TOO_MUCH.search("Votre enfant a une place")
    for path in TEXTS.glob("*/*.txt"):
        assert not TOO_MUCH.search(path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize(
    ("name", "shortened"),
    [
        ("Les P'tits Babadins", "Les P'tits Babadins"),
        ("Crèche de Montluçon", "Crèche de Montlucon"),
        ("Micro-crèche Les Petits Loups de Désertines", "Les Petits Loups"),
        ("Maison d’assistantes maternelles Les Coccinelles", "MAM Les Coccinelles"),
        ("Halte-garderie Saint-Victor", "Halte-g. St-Victor"),
        ("Multi-accueil municipal de Montluçon", "Montlucon"),
        ("Crèche à vocation d'insertion professionnelle L'Envol", "Crèche L'Envol"),
        ("L'Envol (AVIP)", "L'Envol"),
        ("Œuvre des Cœurs", "Oeuvre des Coeurs"),
        ("Anticonstitutionnellementlong", "Anticonstitutionnellem"),
    ],
)
def test_a_structure_is_named_in_22_septets_without_telling_too_much(name: str, shortened: str) -> None:
    assert short_name(name) == shortened
    assert length(shortened) <= 22


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_a_delay_that_is_over_promises_no_open_request_to_a_child_placed_meanwhile(language: str) -> None:
    """Placed, its request is closed while the text waits for the morning; who asks for another place reads it too."""
    promise = {"fr": "demande", "en": "request", "pt": "pedido"}[language]
    kept, other = (
        render(MessageTemplate.EXPIRED, longest.model_copy(update={"has_place": has_place}), language)
        for has_place in (True, False)
    )
    assert promise not in kept.text and promise in other.text
    assert (kept.encoding, kept.segments) == (Encoding.GSM7, 1)
