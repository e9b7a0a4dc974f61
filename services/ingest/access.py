"""THE table of who may do and see what (people.md, "Who sees what"). Every door and every page asks here.

Nothing is allowed that is not written here: a role without a line may not, a field without a group does not exist.
When to modify: with the vote or the law that changes a right; a test walks every role and every line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from contracts.vocabulary import HEALTH_CRITERIA
from services.ingest.actors import Actor, Role
from services.ingest.problems import forbidden


class Reach(Enum):
    """How far a right goes: what is one's own, one's own once the family said OUI, or the whole territory."""

    OWN = "own"
    OWN_AFTER_YES = "own_after_yes"
    TERRITORY = "territory"


class Doing(Enum):
    """The acts of people, one for each function of `declare`."""

    PUBLISH_TERRITORY = "publish_territory"
    PUBLISH_STRUCTURE = "publish_structure"
    SIGN_AGREEMENT = "sign_agreement"
    POST_PLACES = "post_places"
    REGISTER_REQUEST = "register_request"
    AMEND_REQUEST = "amend_request"
    ERASE_FAMILY = "erase_family"
    VALIDATE_CRITERIA = "validate_criteria"
    HOLD_PLACE = "hold_place"
    REPLY = "reply"
    RECORD_CALL = "record_call"
    DECIDE_ADMISSION = "decide_admission"
    ANNOUNCE_DEPARTURE = "announce_departure"
    GIVE_RELEASE = "give_release"
    OPEN_CAMPAIGN = "open_campaign"
    REVIEW_INTAKE = "review_intake"
    KEEP_PLACE_BACK = "keep_place_back"
    WITHDRAW_PROPOSAL = "withdraw_proposal"
    HANDLE_TASK = "handle_task"
    MANAGE_ACCESS = "manage_access"


class Seen(Enum):
    """What there is to see, in groups that the law and the territory treat alike."""

    PLACES = "places"
    AGREEMENT = "agreement"
    PROPOSAL = "proposal"
    NEEDS = "needs"
    NEED = "need"
    SUPPORT = "support"
    CHILD = "child"
    CONTACT = "contact"
    POINTS = "points"
    HEALTH = "health"
    RANK = "rank"
    REASON = "reason"
    RELEASE = "release"
    MESSAGES = "messages"
    TASK = "task"
    NOTE = "note"
    TRAIL = "trail"


_OWN, _AFTER_YES, _ALL = Reach.OWN, Reach.OWN_AFTER_YES, Reach.TERRITORY
_BY_STRUCTURE = {Role.STRUCTURE: _OWN, Role.COORDINATOR: _ALL}
_BY_COUNSELLOR = {Role.COUNSELLOR: _OWN, Role.COORDINATOR: _ALL}

MAY_DO: Mapping[Doing, Mapping[Role, Reach]] = {
    Doing.PUBLISH_TERRITORY: {Role.COORDINATOR: _ALL, Role.ADMINISTRATOR: _ALL},
    Doing.PUBLISH_STRUCTURE: {**_BY_STRUCTURE, Role.ADMINISTRATOR: _ALL},
    Doing.SIGN_AGREEMENT: _BY_STRUCTURE,
    Doing.POST_PLACES: _BY_STRUCTURE,
    Doing.REGISTER_REQUEST: _BY_COUNSELLOR,
    Doing.AMEND_REQUEST: _BY_COUNSELLOR,
    Doing.ERASE_FAMILY: {Role.COORDINATOR: _ALL},
    Doing.VALIDATE_CRITERIA: {Role.COORDINATOR: _ALL},
    Doing.HOLD_PLACE: _BY_COUNSELLOR,
    Doing.REPLY: {**_BY_COUNSELLOR, Role.FAMILY: _OWN},
    Doing.RECORD_CALL: _BY_COUNSELLOR,
    Doing.DECIDE_ADMISSION: _BY_STRUCTURE,
    Doing.ANNOUNCE_DEPARTURE: _BY_STRUCTURE,
    Doing.GIVE_RELEASE: {Role.COORDINATOR: _ALL, Role.COMMITTEE: _ALL},
    Doing.OPEN_CAMPAIGN: {Role.COORDINATOR: _ALL},
    Doing.REVIEW_INTAKE: {Role.COORDINATOR: _ALL, Role.COMMITTEE: _ALL},
    Doing.KEEP_PLACE_BACK: {Role.COORDINATOR: _ALL},
    Doing.WITHDRAW_PROPOSAL: _BY_STRUCTURE,
    Doing.HANDLE_TASK: {Role.COORDINATOR: _ALL},
    Doing.MANAGE_ACCESS: {Role.ADMINISTRATOR: _ALL},
}
"""A counsellor validates one criterion, insertion, by prescribing (see `declare.needs`); the guichet all others."""

_OWN_FILES = {Role.COUNSELLOR: _OWN, Role.COORDINATOR: _ALL, Role.FAMILY: _OWN}
_WITH_HEALTH = {Role.COORDINATOR: _ALL, Role.FAMILY: _OWN}
"""Health itself, and the rank. A rank follows from all the points: beside those that are left without health's, two
files at one place tell whose health counted. So whoever may not see health sees no rank, nor an order made of ranks:
not the commission, which has every file before it, and not the counsellor, who follows several files for the same few
places. A family sees its own rank and may tell it."""

MAY_SEE: Mapping[Seen, Mapping[Role, Reach]] = {
    Seen.PLACES: {
        Role.STRUCTURE: _OWN,
        Role.COUNSELLOR: _ALL,
        Role.COMMITTEE: _ALL,
        Role.COORDINATOR: _ALL,
        Role.ADMINISTRATOR: _ALL,
        Role.FAMILY: _ALL,
        Role.PUBLIC: _ALL,
    },
    Seen.AGREEMENT: _BY_STRUCTURE,
    Seen.PROPOSAL: {**_OWN_FILES, Role.STRUCTURE: _OWN, Role.COMMITTEE: _ALL},
    Seen.NEEDS: {**_OWN_FILES, Role.STRUCTURE: _AFTER_YES, Role.COMMITTEE: _ALL},
    Seen.NEED: _BY_COUNSELLOR,
    Seen.SUPPORT: {**_OWN_FILES, Role.STRUCTURE: _AFTER_YES},
    Seen.CHILD: {**_OWN_FILES, Role.STRUCTURE: _AFTER_YES},
    Seen.CONTACT: {**_OWN_FILES, Role.STRUCTURE: _AFTER_YES},
    Seen.POINTS: {**_OWN_FILES, Role.COMMITTEE: _ALL},
    Seen.HEALTH: _WITH_HEALTH,
    Seen.RANK: _WITH_HEALTH,
    Seen.REASON: {**_OWN_FILES, Role.COMMITTEE: _ALL},
    Seen.RELEASE: {Role.COMMITTEE: _ALL, Role.COORDINATOR: _ALL},
    Seen.MESSAGES: {Role.COUNSELLOR: _OWN, Role.COORDINATOR: _ALL, Role.FAMILY: _OWN},
    Seen.TASK: {Role.STRUCTURE: _OWN, Role.COUNSELLOR: _OWN, Role.COORDINATOR: _ALL},
    Seen.NOTE: {Role.COORDINATOR: _ALL},
    Seen.TRAIL: {Role.COORDINATOR: _ALL, Role.ADMINISTRATOR: _ALL},
}
"""NEED is the whole of it, as whoever may amend it sends it back. The committee decides on facts without names; a
prescriber alone reveals a benefit, so structures never see it. The trail names nobody: whoever gives access reads it as
the guichet does, which is not to be the only reader of its own acts."""


def _fields(group: Seen, *names: str) -> dict[str, Seen]:
    return dict.fromkeys(names, group)


FIELDS: Mapping[str, Seen] = {
    **_fields(
        Seen.PLACES, "vacancy", "structure", "structure_name", "section", "section_name", "commune", "slots", "period",
        "kind", "free", "free_a_day", "free_at_most", "left", "posted", "proposed", "taken", "updated_at", "audience",
        "release_at", "award_mode", "agreement", "stale", "age_from_months", "age_to_months", "snapshot", "pattern",
        "awaits_commission", "awaits_in_part", "tariff", "pooled", "pool_free", "pool_free_a_day", "pool_free_at_most",
    ),
    **_fields(
        Seen.AGREEMENT, "notice_hours", "days_per_child", "valid_until", "signed_at", "agreed_by_role", "ends_soon",
    ),
    **_fields(
        Seen.PROPOSAL, "proposal", "placement", "state", "deadline", "answer_by", "confirm_by", "undo_until", "made_at",
        "appointment", "adaptation_start", "first_full_day", "last_day", "departure_reason", "after_yes", "round",
        "refusal_reason", "withdrawal_reason", "changed_at", "partial", "siblings",
        "wave", "asked_at_once", "shared", "half_confirmed",
    ),
    **_fields(
        Seen.NEEDS, "request", "born", "is_born", "patterns", "request_period", "travel_minutes",
        "tolerance_days", "child_commune", "request_kind", "request_state", "closing_reason", "file_complete",
        "registered_at", "since", "age_months", "accepts_partial", "min_days", "current", "replaces",
        "accepts_split", "within_minutes",
    ),
    **_fields(Seen.NEED, "need", "urgent_sms_agreed"),
    **_fields(Seen.SUPPORT, "needs_support", "to_prepare"),
    **_fields(Seen.CHILD, "first_name"),
    **_fields(Seen.CONTACT, "contacts", "family", "child"),
    **_fields(Seen.POINTS, "tier", "points", "reasons", "criteria", "prescriber", "held_by", "points_are_partial"),
    **_fields(Seen.HEALTH, "needs_person"),
    **_fields(Seen.RANK, "rank", "asked_as"),
    **_fields(Seen.REASON, "wishes", "phrases", "plain_phrases", "family_phrases", "reason", "explained_at",
              "proof", "other_half"),
    **_fields(Seen.RELEASE, "held_until", "held_reason", "awaits", "awaits_sibling",
              "effect", "before", "forced", "placed", "also"),
    **_fields(Seen.MESSAGES, "messages", "code", "history", "replies"),
    **_fields(Seen.TASK, "task", "task_kind", "due", "opened_at", "settled_at", "handled_at"),
    **_fields(Seen.NOTE, "detail", "notes"),
}  # fmt: skip


@dataclass(frozen=True)
class Thing:
    """What an act or a look is about, by what makes it somebody's own."""

    territory: str
    structure: str | None = None
    prescriber: str | None = None
    proposal: str | None = None
    request: str | None = None
    after_yes: bool = False


def may(actor: Actor, doing: Doing, thing: Thing) -> bool:
    """True if `actor` may do this to this very thing."""
    return _reaches(MAY_DO[doing].get(actor.role), actor, thing)


def require(actor: Actor, doing: Doing, thing: Thing, field: str = "") -> None:
    """Raise Refused (forbidden) unless `actor` may."""
    if not may(actor, doing, thing):
        raise forbidden(field)


def may_see(actor: Actor, group: Seen, thing: Thing) -> bool:
    """True if `actor` may see this group of facts about this very thing."""
    return _reaches(MAY_SEE[group].get(actor.role), actor, thing)


def visible_groups(actor: Actor, thing: Thing) -> frozenset[Seen]:
    return frozenset(group for group in Seen if may_see(actor, group, thing))


def reveal(actor: Actor, thing: Thing, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that `actor` may see. A field of no group raises KeyError: decide first who sees it."""
    groups = visible_groups(actor, thing)
    seen = {name: value for name, value in facts.items() if FIELDS[name] in groups}
    return seen if Seen.HEALTH in groups else _without_health(seen)


def _without_health(facts: dict[str, Any]) -> dict[str, Any]:
    """What health counted leaves the criteria and the points of whoever may not see it, and all it follows from.

    A total beside the lines that are left would give it away, and so would the tier, this request's total or rank at a
    wish, or the total of the last one admitted there beside a sentence that compares them. So the points shown are the
    sum of the lines shown, and say so (`points_are_partial`), for every request alike: the label itself tells nothing.
    Of the history what happened, when and by whom is left: its facts repeat all of these.
    """
    lists = {name: facts[name] for name in ("reasons", "criteria") if facts.get(name)}
    kept: dict[str, Any] = {name: _other_than_health(rows) for name, rows in lists.items()}
    if need := facts.get("need"):
        kept["need"] = {**need, "criteria": _other_than_health(need["criteria"])}
    instead = {
        "tier": None,
        "points": sum(row["points"] for row in kept.get("reasons", ())) if "reasons" in facts else None,
        "phrases": facts.get("plain_phrases", ()),
        "family_phrases": (),
        "reason": _without_standing(facts.get("reason")),
        "history": [{**row, "facts": {}} for row in facts.get("history", ())],
    }
    partial = {"points_are_partial": True} if "points" in facts else {}
    return {**facts, **kept, **{name: value for name, value in instead.items() if name in facts}, **partial}


def _other_than_health(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["criterion"] not in HEALTH_CRITERIA]


_STANDING = frozenset({"rank", "points", "last_points", "last_tier", "sent_behind"})
"""What a reason says of where a request stood. Only who is of the first tier is ever sent behind."""


def _without_standing(reason: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A request's reason with what each wish lacked, and neither a total nor a rank."""
    if not reason:
        return None
    wishes = [_except(wish, _STANDING) for wish in reason.get("wishes", ())]
    return {**_except(reason, _STANDING), "wishes": wishes}


def _except(facts: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}


def _reaches(reach: Reach | None, actor: Actor, thing: Thing) -> bool:
    if reach is None or actor.territory != thing.territory:
        return False
    if reach is Reach.TERRITORY:
        return True
    return _is_own(actor, thing) and (reach is Reach.OWN or thing.after_yes)


def _is_own(actor: Actor, thing: Thing) -> bool:
    if actor.role is Role.STRUCTURE:
        return actor.structure is not None and actor.structure == thing.structure
    if actor.role is Role.COUNSELLOR:
        return actor.id == thing.prescriber
    if actor.role is Role.FAMILY:
        return (actor.proposal is not None and actor.proposal == thing.proposal) or (
            actor.request is not None and thing.proposal is None and actor.request == thing.request
        )
    return False
