"""All pages there are, with the roles that may open them: the tables of each audience, one after the other."""

from __future__ import annotations

from services.ingest.pages import (
    absences,
    admissions,
    agreements,
    amendments,
    api_docs,
    campaigns,
    coordinator,
    counsellors,
    creches,
    departures,
    event_docs,
    families,
    family_files,
    public,
    registrations,
    releases,
    siblings,
    sign_in,
    structures,
    territory,
    trail,
    vacancies,
)
from services.ingest.pages.visit import Page

PAGES: tuple[Page, ...] = (
    *public.PAGES,
    *api_docs.PAGES,
    *event_docs.PAGES,
    *families.PAGES,
    *sign_in.PAGES,
    *creches.PAGES,
    *vacancies.PAGES,
    *absences.PAGES,
    *admissions.PAGES,
    *departures.PAGES,
    *agreements.PAGES,
    *counsellors.PAGES,
    *coordinator.PAGES,
    *releases.PAGES,
    *campaigns.PAGES,
    *registrations.PAGES,
    *family_files.PAGES,
    *amendments.PAGES,
    *siblings.PAGES,
    *territory.PAGES,
    *structures.PAGES,
    *trail.PAGES,
)
