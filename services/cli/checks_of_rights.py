"""What `berceau doctor` looks at of the rights on the broker's topics: enough for our services, nothing for others.

When to modify: with a topic, or with what a service does with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from contracts.topics import TOPICS
from services.bus.kafka import topic_name
from services.bus.settings import Settings
from services.bus.topics import TopicState
from services.cli.checks import Check, failed, ok, warning
from services.cli.failures import NBSP
from services.ingest import partners

READ, WRITE = "READ", "WRITE"
NAME = "droits"
Needs = Mapping[str, frozenset[tuple[str, str]]]


def _needs() -> Needs:
    """What each service does with which topic, from the table of topics and the partners' door."""
    needs = defaultdict(set)
    for topic in TOPICS:
        needs[topic.writer].add((topic.name, WRITE))
        for reader in topic.readers:
            needs[reader].add((topic.name, READ))
    needs["ingest"] |= {(partners.TOPIC, READ), (partners.REJECTS, WRITE)}
    return MappingProxyType({service: frozenset(wanted) for service, wanted in sorted(needs.items())})


NEEDS = _needs()


def rights(settings: Settings, states: Sequence[TopicState], *, guarded: bool) -> Iterator[Check]:
    """Whether whoever runs this may do what a service does. One account for each service is the rule, so an account
    that suffices for one of them is right."""
    held = {(state.name, right) for state in states for right in state.rights if state.partitions}
    if not all(state.partitions for state in states):
        return  # said already of the topic that is missing
    missing = {service: _missing(settings, wanted, held) for service, wanted in NEEDS.items()}
    able = [service for service, wanted in missing.items() if not wanted]
    if not able:
        nearest = min(missing, key=lambda service: len(missing[service]))
        detail = (
            f"ce compte ne suffit à aucun service{NBSP}; pour {nearest} il manque{NBSP}: {', '.join(missing[nearest])}"
        )
        yield failed(NAME, detail, "Donnez-les au compte avec kafka-acls (READ pour lire, WRITE pour écrire).")
    elif not guarded:
        remedy = "Réglez authorizer.class.name, et une règle pour chaque service : le reste est refusé."
        yield warning(NAME, "le courtier laisse tout programme lire et écrire chaque sujet", remedy)
    else:
        yield ok(NAME, f"ce compte suffit à {', '.join(able)}")


def _missing(settings: Settings, wanted: frozenset[tuple[str, str]], held: set[tuple[str, str]]) -> list[str]:
    named = [(topic_name(settings, topic), right) for topic, right in sorted(wanted)]
    return [f"{right} sur {topic}" for topic, right in named if (topic, right) not in held]
