"""The rare branches that a hundred runs must have reached: a simulation that never goes there proves nothing of them.

When to modify: a new event, verdict, task or trouble gets its line; one that seeds no longer reach gets better dice.
"""

from __future__ import annotations

from contracts.proposals import Verdict
from contracts.vocabulary import ProposalState, TaskKind, WithdrawalReason

UNSAID_TASKS = {TaskKind.ROUND_WITHHELD, TaskKind.OVER_CAPACITY}
"""A round is withheld where the solver is wrong: another test plants that. No structure here publishes its staff."""

SAID = tuple(
    f"said: {wire}"
    for wire in (
        "proposal.made", "proposal.held", "proposal.released", "proposal.deadline_set", "proposal.reminded",
        "proposal.undelivered", "proposal.accepted", "proposal.declining", "proposal.restored", "proposal.declined",
        "proposal.expired", "proposal.frozen", "proposal.withdrawn", "proposal.refused", "place.reopened",
        "reply.judged", "hold.denied", "placement.confirmed", "placement.ending", "placement.ended", "round.decided",
        "half.confirmed", "request.explained", "task.opened", "task.settled",
    )
)  # fmt: skip
VERDICTS = tuple(f"verdict: {verdict.value}" for verdict in Verdict)
TASKS = tuple(f"task: {kind.value}" for kind in TaskKind if kind not in UNSAID_TASKS)
MESSAGES = tuple(f"message: {state}" for state in ("sent", "delivered", "failed", "unknown", "cancelled"))
TROUBLES = (
    "bus: lost before it arrived",
    "bus: acknowledgement lost",
    "bus: delivered again",
    "bus: several at once",
    "message: repeated",
    "message: parked",
    "trouble: empty the broker",
    "trouble: garbage",
    "away: broker",
    "away: gateway",
    "away: database ingest",
    "away: database matcher",
    "away: database notifier",
    "pause: solver",
    "pause: gateway",
    "round: part dropped",
    "stopped in a round: matcher",
    "woke behind its successor: matcher",
    "door: answer lost",
    "gateway: answer lost",
    "gateway: answer garbled",
    "gateway: asked twice",
    "gateway: looked up and found",
    "gateway: looked up in vain",
    "gateway: no receipt",
    "sms: recorded",
    "sms: unclear",
    "sms: unknown_sender",
    "sms: handed over again",
)
DEATHS = ("before it was sent", "after it was sent")
CRASHES = (
    *(
        f"crash: {service} at {where}"
        for service in ("ingest", "matcher", "notifier")
        for where in (
            f"{service}: before commit",
            f"{service}: after commit",
            *(f"broker: {death}" for death in DEATHS),
            "consumer: between effect and acknowledgement",
        )
    ),
    "crash: notifier at gateway: before the call",
    "crash: notifier at gateway: after the call",
)
EVERYTHING = (*SAID, *VERDICTS, *TASKS, *MESSAGES, *TROUBLES, *CRASHES)
RAREST = frozenset(
    {
        "said: half.confirmed",
        "said: proposal.restored",
        "said: placement.ending",
        "said: placement.ended",
        "task: to_prepare",
        "task: structure_to_tell",
        "away: gateway",
        "gateway: answer garbled",
        "crash: notifier at broker: before it was sent",
        "crash: notifier at broker: after it was sent",
    }
)
"""What fewer than five of seventy-five runs reached: a hundred may miss it by chance, the long run may not."""

RARE = tuple(branch for branch in EVERYTHING if branch not in RAREST)

LONG = (
    *sorted(RAREST),
    *(f"withdrawn: {reason.value}" for reason in WithdrawalReason),
    *(f"state: {before.value} to {after.value}" for before, after in (
        (ProposalState.DECLINING, ProposalState.FROZEN),
        (ProposalState.FROZEN, ProposalState.ACCEPTED),
        (ProposalState.ACCEPTED, ProposalState.DECLINING),
        (ProposalState.UNDELIVERED, ProposalState.DELIVERED),
        (ProposalState.HELD, ProposalState.PREPARED),
    )),
)  # fmt: skip
"""What only many runs reach."""
