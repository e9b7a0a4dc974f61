"""The texts of the SMS: which words, in which language, and what they cost.

A template is a line of text in `templates/<language>/`; a fact is given as data and written by the language. Each
value keeps to the length on which the texts were counted, and letters outside GSM-7 lose their accents, so that one
"ç" in a name does not turn one segment into three. Nothing about a child, a disability or a social situation.

When to modify: a text changes in its file, with its golden file in the tests; a new fact is one line in `_VALUES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from string import Formatter

from contracts.vocabulary import WEEKDAYS, Frozen, MessageTemplate, Weekday
from services.calendar import (
    fitting_days,
    listed_days,
    local_day,
    short_date,
    short_day,
    short_days,
    short_hour,
    short_limit,
)
from services.calendar.days import local
from services.notifier.gsm7 import Encoding, encoding_of, segments, transliterated
from services.notifier.structure_names import LONGEST, short_name, short_names


class MissingFact(ValueError):
    """A text needs a fact that was not given."""

    def __init__(self, template: MessageTemplate, field: str) -> None:
        super().__init__(f"the text {template.value} needs {field}")


class Facts(Frozen):
    """What a text may say. `limit` is by when to answer, or by when the structure calls; `sent_on` the French day.

    `has_place`: the child has a place: this one once it is confirmed, else another, which it keeps unless its family
    says OUI and which does not end before this one begins. `other_structure` shares the week, with `other_days`.
    """

    phone: str = ""
    structure: str = ""
    code: str = ""
    days: frozenset[Weekday] = frozenset()
    starts_on: date | None = None
    day: date | None = None
    start: time | None = None
    end: time | None = None
    limit: datetime | None = None
    sent_on: date | None = None
    link: str = ""
    minutes: int | None = None
    has_place: bool = False
    other_structure: str = ""
    other_days: frozenset[Weekday] = frozenset()


class Rendered(Frozen):
    """A text ready to leave. `segments` is what the operator bills."""

    text: str
    language: str
    encoding: Encoding
    segments: int


@dataclass(frozen=True)
class Language:
    """How a language writes days, in two letters too, an hour, and "from" before a date. `proofread`: a person who
    speaks it has read the texts."""

    code: str
    label: str
    proofread: bool
    weekdays: Mapping[Weekday, str]
    starting: str
    short_weekdays: Mapping[Weekday, str]
    hour: Callable[[time], str] = short_hour


def _with_colon(hour: time) -> str:
    """ "18:00": an English reader takes "before 18h" for a delay of eighteen hours."""
    return f"{hour.hour}:{hour.minute:02}"


def _named(names: str) -> dict[Weekday, str]:
    return dict(zip(WEEKDAYS, names.split(), strict=True))


DEFAULT_LANGUAGE = "fr"
LANGUAGES = {
    language.code: language
    for language in (
        Language(
            "fr",
            "français",
            proofread=True,
            weekdays=_named("lun mar mer jeu ven sam dim"),
            short_weekdays=_named("lu ma me je ve sa di"),
            starting="dès le",
        ),
        Language(
            "en",
            "anglais",
            proofread=False,
            weekdays=_named("Mon Tue Wed Thu Fri Sat Sun"),
            short_weekdays=_named("Mo Tu We Th Fr Sa Su"),
            starting="from",
            hour=_with_colon,
        ),
        Language(
            "pt",
            "portugais",
            proofread=False,
            weekdays=_named("seg ter qua qui sex sáb dom"),
            short_weekdays=_named("2a 3a 4a 5a 6a sb dm"),
            starting="desde",
        ),
    )
}
"""Languages with a text. Arabic and Turkish wait for somebody who writes them; those families get French."""


def render(template: MessageTemplate, facts: Facts, language: str = DEFAULT_LANGUAGE, *, link: str = "") -> Rendered:
    """The text in `language` where there is one, else in French; `link` is added where the gateway carries links.

    Raises MissingFact naming the first fact that the text needs and `facts` lacks.
    """
    spoken = LANGUAGES.get(language, LANGUAGES[DEFAULT_LANGUAGE])
    stays, shared = IT_STAYS if facts.has_place else {}, SHARED if facts.other_structure else {}
    name = {**shared, **stays}.get(template, template.value)
    pattern = _pattern(spoken.code, name)
    text = transliterated(_filled(pattern, template, facts, spoken, link))
    return Rendered(text=text, language=spoken.code, encoding=encoding_of(text), segments=segments(text))


IT_STAYS = {
    MessageTemplate.PROPOSAL: "keeps_proposal",
    MessageTemplate.REMINDER: "keeps_reminder",
    MessageTemplate.EXPIRED: "keeps_expired",
    MessageTemplate.CLOSED: "keeps_closed",
    MessageTemplate.LATE_YES: "keeps_late_yes",
}
"""Texts by which a family whose child has a place would fear to lose it: each has another wording for it."""


SHARED = {
    MessageTemplate.PROPOSAL: "shared_proposal",
    MessageTemplate.REMINDER: "shared_reminder",
    MessageTemplate.ACCEPTED: "shared_accepted",
    MessageTemplate.EXPIRED: "shared_expired",
    MessageTemplate.WITHDRAWN: "shared_withdrawn",
    MessageTemplate.LATE_YES: "shared_late_yes",
}
"""Texts about a place, as they are said of two that share the week. Before the child has them it has no other."""


@lru_cache(maxsize=64)
def _pattern(language: str, name: str) -> str:
    folder = resources.files("services.notifier") / "templates" / language
    return (folder / f"{name}.txt").read_text(encoding="utf-8").strip()


def _fields(pattern: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(pattern) if field]


def _filled(pattern: str, template: MessageTemplate, facts: Facts, language: Language, link: str) -> str:
    """With the link behind. Two names in one text are cut alike, and no further than a segment less asks for."""
    fields = _fields(pattern)

    def said(longest: int) -> str:
        values = {field: _value(template, field, facts, language, longest) for field in fields}
        return " ".join(filter(None, (pattern.format(**values), link)))

    if _OF_TWO.keys().isdisjoint(fields):
        return said(LONGEST)
    shortest = said(SHORTEST_OF_TWO)
    fewest = segments(transliterated(shortest))
    longer = (said(longest) for longest in range(LONGEST, SHORTEST_OF_TWO, -1))
    return next((text for text in longer if segments(transliterated(text)) <= fewest), shortest)


def _value(template: MessageTemplate, field: str, facts: Facts, language: Language, longest: int) -> str:
    value = _OF_TWO[field](facts, language, longest) if field in _OF_TWO else _VALUES[field](facts, language)
    if not value:
        raise MissingFact(template, field)
    return value


def _days(facts: Facts, language: Language) -> str:
    if not facts.days:
        return ""
    french = language.code == DEFAULT_LANGUAGE
    return short_days(facts.days) if french else fitting_days(facts.days, language.weekdays, language.short_weekdays)


def _day(facts: Facts, language: Language) -> str:
    if facts.day is None:
        return ""
    french = language.code == DEFAULT_LANGUAGE
    return short_day(facts.day) if french else _weekday_and_date(facts.day, language)


def _limit(facts: Facts, language: Language) -> str:
    """As in French, with the weekday of the language; none where minutes take its place."""
    if facts.limit is None:
        return ""
    if language.code == DEFAULT_LANGUAGE:
        return short_limit(facts.limit)
    then = local(facts.limit)
    day = short_date(then.date()) if then.minute else _weekday_and_date(then.date(), language)
    return f"{day} {language.hour(then.time())}"


def _clock_time(facts: Facts, language: Language) -> str:
    """An hour alone is today's; on another day it carries the date."""
    if facts.limit is None:
        return ""
    hour = language.hour(local(facts.limit).time())
    other_day = facts.sent_on is not None and local_day(facts.limit) != facts.sent_on
    return f"{short_date(local_day(facts.limit))} {hour}" if other_day else hour


def _hours(facts: Facts, language: Language) -> str:
    return f"{language.hour(facts.start)}-{language.hour(facts.end)}" if facts.start and facts.end else ""


_SAME_YEAR = timedelta(days=300)
"""A date within it is taken for the next one of its day and month."""


def _start(facts: Facts, _: Language) -> str:
    """With its year from ten months on: "1/09" told in October was that of the month before."""
    if facts.starts_on is None:
        return ""
    far = facts.sent_on is not None and facts.starts_on - facts.sent_on > _SAME_YEAR
    return f"{short_date(facts.starts_on)}/{facts.starts_on:%y}" if far else short_date(facts.starts_on)


def _when(facts: Facts, language: Language) -> str:
    """The day and its hours for a dated place, else the weekdays and the first day."""
    day, hours = _day(facts, language), _hours(facts, language)
    if day and hours:
        return f"{day} {hours}"
    days, start = _days(facts, language), _start(facts, language)
    return f"{days} {language.starting} {start}" if days and start else ""


def _weekday_and_date(day: date, language: Language) -> str:
    return f"{language.weekdays[WEEKDAYS[day.weekday()]]} {short_date(day)}"


def _one_of_two(facts: Facts, language: Language, longest: int) -> str:
    """ "Les Lutins lu ma", the name in at most `longest` septets."""
    name, _ = short_names(facts.structure, facts.other_structure, longest)
    return f"{name} {listed_days(facts.days, language.short_weekdays)}" if name and facts.days else ""


def _other_of_two(facts: Facts, language: Language, longest: int) -> str:
    swapped = {"structure": facts.other_structure, "other_structure": facts.structure, "days": facts.other_days}
    return _one_of_two(facts.model_copy(update=swapped), language, longest)


SHORTEST_OF_TWO = 8
"""Septets below which a name would say nothing: the text then takes a second segment."""

_OF_TWO: dict[str, Callable[[Facts, Language, int], str]] = {
    "une": _one_of_two,
    "autre": _other_of_two,
}


_VALUES: dict[str, Callable[[Facts, Language], str]] = {
    "structure": lambda facts, _: short_name(facts.structure),
    "code": lambda facts, _: facts.code,
    "tel": lambda facts, _: facts.phone,
    "jours": _days,
    "debut": _start,
    "jour": _day,
    "heures": _hours,
    "quand": _when,
    "limite": _limit,
    "heure": _clock_time,
    "lien": lambda facts, _: facts.link,
    "minutes": lambda facts, _: str(facts.minutes) if facts.minutes else "",
}
