"""The words of the field: ids, times of care, criteria and states, each with its French label.

When to modify: a word enters here when two services must agree on it. A label is what a person reads on a screen;
the value is what travels and never changes once published.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")]
"""An opaque identifier. It never carries a name, a phone number or anything else about a person."""


class Labelled(StrEnum):
    """A word that travels (`value`) and its French label (`label`)."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


class Frozen(BaseModel):
    """Data that never changes once said. Unknown fields are ignored: a reader is deployed before its writer."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="iso8601")


class Weekday(Labelled):
    MON = "mon", "lundi"
    TUE = "tue", "mardi"
    WED = "wed", "mercredi"
    THU = "thu", "jeudi"
    FRI = "fri", "vendredi"
    SAT = "sat", "samedi"
    SUN = "sun", "dimanche"

    @property
    def number(self) -> int:
        """0 for Monday to 6 for Sunday, as `date.weekday()`."""
        return NUMBERS[self]


WEEKDAYS = tuple(Weekday)
NUMBERS = {day: number for number, day in enumerate(WEEKDAYS)}


class Slot(Frozen):
    """Hours of one weekday, or of one single date: `[start, end)` in the territory's local time."""

    day: Weekday | date
    start: time
    end: time

    @model_validator(mode="after")
    def _is_some_local_time(self) -> Self:
        if self.start.tzinfo is not None or self.end.tzinfo is not None:
            raise ValueError("les heures sont celles du territoire : elles s'écrivent sans fuseau horaire")
        if self.end <= self.start:
            raise ValueError("l'heure de fin doit suivre l'heure de début")
        return self

    @property
    def weekday(self) -> Weekday:
        return WEEKDAYS[self.day.weekday()] if isinstance(self.day, date) else self.day


class Period(Frozen):
    """Days from `start` up to, and without, `end`; no `end` means until further notice."""

    start: date
    end: date | None = None

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("la date de fin doit suivre la date de début")
        return self

    def contains(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)

    def covers(self, other: Period) -> bool:
        """True if every day of `other` is a day of this period."""
        return self.start <= other.start and (self.end is None or (other.end is not None and other.end <= self.end))


class StructureKind(Labelled):
    CRECHE = "creche", "Crèche"
    MICRO_CRECHE = "micro_creche", "Micro-crèche"
    HALTE_GARDERIE = "halte_garderie", "Halte-garderie"
    FAMILY_CRECHE = "family_creche", "Crèche familiale"
    JARDIN_ENFANTS = "jardin_enfants", "Jardin d'enfants"
    MAM = "mam", "Maison d'assistants maternels"
    CHILDMINDER = "childminder", "Assistante maternelle ou assistant maternel"
    ALSH = "alsh", "Accueil de loisirs"


class AwardMode(Labelled):
    """How places of a structure are given; only `awarded` ones take part in a round."""

    AWARDED = "awarded", "Attribuées par le guichet"
    EMPLOYER_RESERVED = "employer_reserved", "Réservées par un employeur"
    INTRODUCTION = "introduction", "Mise en relation"


class StaffMethod(Labelled):
    """How a structure counts its staff: one method for all of it (Code de la santé publique, R2324-46-4)."""

    BY_WALKING = "by_walking", "1 pour 5 qui ne marchent pas, 1 pour 8 qui marchent"
    ONE_IN_SIX = "one_in_six", "1 pour 6 enfants"


class Tariff(Labelled):
    PSU = "psu", "Tarif selon les revenus (PSU)"
    PAJE = "paje", "Tarif libre (Paje)"
    AM = "am", "Tarif de l'assistante maternelle"


class VacancyKind(Labelled):
    REGULAR = "regular", "Place régulière"
    OCCASIONAL = "occasional", "Place ponctuelle"
    ON_CALL = "on_call", "Place d'astreinte"


class Audience(Labelled):
    """Who a place is kept for until its release time. Each audience may also use what the ones before it may."""

    EVERYBODY = "everybody", "Tout le monde"
    INSERTION = "insertion", "Parcours d'insertion"
    URGENT_INSERTION = "urgent_insertion", "Urgence en parcours d'insertion"

    @property
    def level(self) -> int:
        return AUDIENCE_LEVELS[self]


AUDIENCE_LEVELS = {audience: level for level, audience in enumerate(Audience)}


class RequestKind(Labelled):
    REGULAR = "regular", "Demande régulière"
    URGENT = "urgent", "Demande urgente (insertion)"
    OCCASIONAL = "occasional", "Demande ponctuelle"
    CHANGE = "change", "Changement d'horaires"
    TRANSFER = "transfer", "Changement de structure"
    RENEWAL = "renewal", "Renouvellement"

    @property
    def has_a_place(self) -> bool:
        """A child who has a place and keeps it until a better one is given."""
        return self in {self.CHANGE, self.TRANSFER, self.RENEWAL}

    @property
    def is_weekly(self) -> bool:
        """Asked for in weeks; the others may name single days."""
        return self is self.REGULAR or self.has_a_place


class Criterion(Labelled):
    """What a family may declare and a person may validate. Needs are stored, never a diagnosis, origin or religion."""

    INSERTION = "insertion", "Parcours d'insertion, recherche d'emploi ou RSA"
    DISABILITY = "disability", "Accueil adapté demandé"
    RESIDENT = "resident", "Habite le territoire"
    SAME_COMMUNE = "same_commune", "Habite la commune de la structure"
    SINGLE_PARENT = "single_parent", "Parent isolé"
    MINOR_PARENT = "minor_parent", "Parent mineur"
    BOTH_PARENTS_WORK = "both_parents_work", "Tous les parents travaillent ou étudient"
    ONE_WORKS_ONE_SEEKS = "one_works_one_seeks", "Un parent travaille, l'autre cherche un emploi"
    ONE_WORKS = "one_works", "Un parent travaille, l'autre non"
    SIBLING_PRESENT = "sibling_present", "Frère ou sœur déjà dans la structure"
    TWINS = "twins", "Naissance multiple"
    ADOPTION = "adoption", "Adoption"
    NO_SOLUTION = "no_solution", "Aucun mode de garde"
    LASTING_SOLUTION = "lasting_solution", "Congé parental ou solution durable"
    MEDICO_SOCIAL = "medico_social", "Suivi médico-social"
    DISABLED_RELATIVE = "disabled_relative", "Handicap d'un proche"
    ELDER_NEVER_PLACED = "elder_never_placed", "Aîné jamais accueilli"


HEALTH_CRITERIA = frozenset({Criterion.DISABILITY, Criterion.DISABLED_RELATIVE, Criterion.MEDICO_SOCIAL})
"""Criteria drawn from health: a proposal in which one counted never leaves without a person (loi 78-17, art. 47)."""


class ProposalState(Labelled):
    PREPARED = "prepared", "Préparée"
    HELD = "held", "Retenue"
    RELEASED = "released", "À envoyer"
    SENT = "sent", "Envoyée"
    DELIVERED = "delivered", "Reçue par la famille"
    UNDELIVERED = "undelivered", "Non reçue"
    FROZEN = "frozen", "Réponses contradictoires"
    DECLINING = "declining", "Refus annulable"
    ACCEPTED = "accepted", "Acceptée, à confirmer"
    CONFIRMED = "confirmed", "Place confirmée"
    DECLINED = "declined", "Refusée par la famille"
    EXPIRED = "expired", "Sans réponse à temps"
    WITHDRAWN = "withdrawn", "Retirée"
    REFUSED = "refused", "Refusée par la structure"

    @property
    def is_live(self) -> bool:
        """A live proposal holds its hours, and a child has one at most."""
        return self in LIVE

    @property
    def waits_for_family(self) -> bool:
        return self in {self.RELEASED, self.SENT, self.DELIVERED, self.UNDELIVERED}


LIVE = frozenset(
    {
        ProposalState.PREPARED,
        ProposalState.HELD,
        ProposalState.RELEASED,
        ProposalState.SENT,
        ProposalState.DELIVERED,
        ProposalState.UNDELIVERED,
        ProposalState.FROZEN,
        ProposalState.DECLINING,
        ProposalState.ACCEPTED,
    }
)


class Answer(Labelled):
    OUI = "oui", "OUI"
    NON = "non", "NON"
    RAPPEL = "rappel", "RAPPEL"
    FIN = "fin", "FIN"
    ERREUR = "erreur", "ERREUR"


class Channel(Labelled):
    SMS = "sms", "SMS"
    LINK = "link", "Lien"
    PHONE = "phone", "Téléphone"
    COUNTER = "counter", "Guichet"
    COUNSELLOR = "counsellor", "Conseiller"
    API = "api", "Logiciel"


class WithdrawalReason(Labelled):
    STAFF_SHORTAGE = "staff_shortage", "Manque de personnel"
    ALREADY_FILLED = "already_filled", "Place déjà pourvue"
    CLOSURE = "closure", "Fermeture exceptionnelle"
    POSTED_BY_MISTAKE = "posted_by_mistake", "Erreur de saisie"
    REQUEST_CLOSED = "request_closed", "Demande close"
    REQUEST_CHANGED = "request_changed", "Demande modifiée"
    CAPACITY_REDUCED = "capacity_reduced", "Nombre de places réduit"
    PERIOD_OVER = "period_over", "Dates dépassées"
    BY_GUICHET = "by_guichet", "Décision du guichet"
    FAMILY_UNREACHABLE = "family_unreachable", "Famille injoignable"
    SIBLINGS_APART = "siblings_apart", "Place retirée à son frère ou à sa sœur"
    NO_DEPARTURE = "no_departure", "Départ attendu qui n'a pas lieu"
    TAKEN = "taken", "Place prise par une autre famille de la vague"


class RefusalReason(Labelled):
    """Why a structure may refuse an accepted child. Health and disability are no reason (Défenseur des droits)."""

    STAFF_SHORTAGE = "staff_shortage", "Manque de personnel"
    ALREADY_FILLED = "already_filled", "Place déjà pourvue"
    AGE = "age", "Âge hors de la section"
    FILE_INCOMPLETE = "file_incomplete", "Dossier incomplet malgré nos relances"
    FAMILY_UNREACHABLE = "family_unreachable", "Famille injoignable"


class LimitReason(Labelled):
    """Why a structure has prepared for so many children with adapted care and no more, until a day."""

    TRAINING = "training", "Équipe en formation"
    POST_VACANT = "post_vacant", "Poste d'appui vacant"
    HELP_AWAITED = "help_awaited", "Renfort attendu"
    PREMISES = "premises", "Locaux en travaux"
    CHILDREN_THERE = "children_there", "Enfants déjà accompagnés"


class ClosingReason(Labelled):
    FOUND_ELSEWHERE = "found_elsewhere", "Place trouvée ailleurs"
    NO_LONGER_NEEDED = "no_longer_needed", "Plus de besoin"
    MOVED_AWAY = "moved_away", "Déménagement"
    PLACED = "placed", "Place obtenue"
    ERASED = "erased", "Données effacées"


class DepartureReason(Labelled):
    SCHOOL = "school", "Entrée à l'école"
    MOVED = "moved", "Déménagement"
    FAMILY_CHOICE = "family_choice", "Choix de la famille"
    CONTRACT_END = "contract_end", "Fin du contrat"
    NO_SHOW = "no_show", "Jamais venu"
    OTHER_PLACE = "other_place", "Autre place obtenue"


class TaskKind(Labelled):
    RELEASE = "release", "Proposition à libérer"
    CALL_BACK = "call_back", "Famille à rappeler"
    UNCLEAR_REPLY = "unclear_reply", "Réponse non comprise"
    UNDELIVERED = "undelivered", "SMS non reçu"
    NO_MOBILE = "no_mobile", "Famille sans mobile"
    TO_VERIFY = "to_verify", "Envoi à vérifier"
    LATE_CONFIRMATION = "late_confirmation", "Confirmation en retard"
    SHORTFALL = "shortfall", "Moins de places que d'engagements"
    CONTRADICTION = "contradiction", "Réponses contradictoires"
    LATE_YES = "late_yes", "OUI arrivé trop tard"
    TO_PREPARE = "to_prepare", "Accueil à préparer"
    STRUCTURE_REFUSED = "structure_refused", "Refus d'une structure"
    STRUCTURE_TO_TELL = "structure_to_tell", "Structure à prévenir"
    WRONG_NUMBER = "wrong_number", "Mauvais numéro"
    BIRTH_TO_CONFIRM = "birth_to_confirm", "Naissance à confirmer"
    OVER_CAPACITY = "over_capacity", "Places au-delà de la capacité"
    ROUND_WITHHELD = "round_withheld", "Attribution retenue par le contrôle"


class Effect(Labelled):
    """What becomes of a child from one decision to another."""

    LOSES = "loses", "Perd sa place"
    GAINS = "gains", "Gagne une place"
    WORSE = "worse", "Moins bon vœu"
    BETTER = "better", "Meilleur vœu"
    MOVES = "moves", "Change de place"


class MessageTemplate(Labelled):
    PROPOSAL = "proposal", "Proposition"
    REMINDER = "reminder", "Rappel"
    ACCEPTED = "accepted", "OUI noté"
    DECLINED = "declined", "NON noté"
    EXPIRED = "expired", "Délai passé"
    WITHDRAWN = "withdrawn", "Place retirée"
    ON_CALL = "on_call", "Place d'astreinte"
    MISUNDERSTOOD = "misunderstood", "Réponse non comprise"
    CONFIRMED = "confirmed", "Place d'astreinte confirmée"
    WAVE = "wave", "Place proposée à plusieurs familles"
    TAKEN = "taken", "Place prise"
    LATE_YES = "late_yes", "OUI arrivé trop tard"
    CALL_BACK = "call_back", "RAPPEL noté"
    CLOSED = "closed", "FIN noté"
    STOPPED = "stopped", "STOP noté"
    SIGN_IN = "sign_in", "Lien de connexion"
