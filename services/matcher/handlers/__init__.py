"""What the matcher does with each event it hears: load, decide by a rule, change rows, say so. No round runs here."""

from __future__ import annotations

from contracts import campaigns as campaign_events
from contracts import (
    confirmations,
    messages,
    releases,
    replies,
    requests,
    siblings,
    structures,
    tasks,
    territories,
    vacancies,
)
from services.bus.delivery import Handlers
from services.matcher.handlers import (
    answers,
    campaigns,
    departures,
    families,
    needs,
    people,
    places,
    receipts,
    territory,
)

HANDLERS: Handlers = {
    territories.TerritoryPublished: territory.on_territory_published,
    structures.StructurePublished: territory.on_structure_published,
    structures.AgreementSigned: territory.on_agreement_signed,
    structures.AgreementEnded: territory.on_agreement_ended,
    vacancies.VacancyOpened: places.on_vacancy_opened,
    vacancies.VacancyChanged: places.on_vacancy_changed,
    vacancies.VacancyWithdrawn: places.on_vacancy_withdrawn,
    vacancies.VacancyReconfirmed: places.on_vacancy_reconfirmed,
    vacancies.SnapshotDeclared: places.on_snapshot_declared,
    requests.RequestRegistered: needs.on_request_registered,
    requests.RequestAmended: needs.on_request_amended,
    requests.RequestClosed: needs.on_request_closed,
    siblings.SiblingsAsked: families.on_siblings_asked,
    siblings.SiblingsParted: families.on_siblings_parted,
    replies.ReplyReceived: answers.on_reply_received,
    replies.ReplyUndone: answers.on_reply_undone,
    replies.CallRecorded: answers.on_call_recorded,
    replies.HoldRequested: answers.on_hold_requested,
    confirmations.AdmissionConfirmed: people.on_admission_confirmed,
    confirmations.AdmissionRefused: people.on_admission_refused,
    confirmations.DepartureAnnounced: departures.on_departure_announced,
    releases.ReleaseGiven: people.on_release_given,
    releases.ReleaseSuspended: people.on_release_suspended,
    releases.WithdrawalGiven: people.on_withdrawal_given,
    tasks.TaskHandled: people.on_task_handled,
    campaign_events.CampaignOpened: campaigns.on_campaign_opened,
    campaign_events.CampaignEnded: campaigns.on_campaign_ended,
    campaign_events.CampaignReleased: campaigns.on_campaign_released,
    campaign_events.DraftAsked: campaigns.on_draft_asked,
    campaign_events.PlaceHeld: campaigns.on_place_held,
    campaign_events.ForceAsked: campaigns.on_force_asked,
    campaign_events.ForceConfirmed: campaigns.on_force_confirmed,
    campaign_events.GestureUndone: campaigns.on_gesture_undone,
    messages.MessageSent: receipts.on_message_sent,
    messages.MessageDelivered: receipts.on_message_delivered,
    messages.MessageFailed: receipts.on_message_failed,
    messages.MessageUnknown: receipts.on_message_unknown,
}
