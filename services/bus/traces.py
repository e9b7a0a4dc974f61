"""One trace for one thing that happens, across processes, outboxes and brokers (OpenTelemetry, W3C trace context).

An event carries the `traceparent` of what said it, in its body and so in its outbox row: a trace does not end at the
database. Off unless `configure` was called, and then nothing is measured and nothing loaded: `services.bus` needs only
OpenTelemetry's interface. A span holds types and ids, never what an event says of somebody.

When to modify: with a step of the way that one wants to see the length of.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from contracts.base import Event

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

HEADER = "traceparent"
CLIENT = SpanKind.CLIENT
LONGEST_REMEMBERED = 10_000
"""Causes of work that is still to be done: more than there are territories."""

_W3C = TraceContextTextMapPropagator()
_NOT_TRACED = contextlib.nullcontext[None]()
_tracers: dict[str, trace.Tracer] = {}
_causes: dict[str, str] = {}


class TracingMissing(Exception):
    """Traces are asked for, and the programs that send them are not installed."""


def configure(endpoint: str, service: str) -> None:
    """Send the spans of this process to an OTLP collector (`http://host:4318/v1/traces`). Raises TracingMissing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingMissing(str(error)) from error
    configure_with(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)), service)


def configure_with(processor: SpanProcessor, service: str) -> None:
    """The same with whatever takes the spans. It is flushed when the process ends."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"berceau-{service}"}))
    provider.add_span_processor(processor)
    _tracers["berceau"] = provider.get_tracer("berceau")


def stop() -> None:
    """No more spans."""
    _tracers.clear()
    _causes.clear()


def are_on() -> bool:
    return bool(_tracers)


def current() -> str | None:
    """The `traceparent` of what is being done now; None while traces are off."""
    if not _tracers or not trace.get_current_span().get_span_context().is_valid:
        return None
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get(HEADER)


@contextlib.contextmanager
def span(
    name: str, parent: str | None = None, kind: SpanKind = SpanKind.INTERNAL, **attributes: str
) -> Iterator[trace.Span | None]:  # fmt: skip
    """What is done inside, as a part of `parent` where it has one, else of what is being done already."""
    tracer = _tracers.get("berceau")
    if tracer is None:
        yield None
        return
    context = _W3C.extract({HEADER: parent}, Context()) if parent else None
    with tracer.start_as_current_span(name, context, kind, {f"berceau.{k}": v for k, v in attributes.items()}) as begun:
        yield begun


def handling(service: str, event: Event) -> contextlib.AbstractContextManager[trace.Span | None]:
    """A service handles an event, as a part of what said it."""
    if not _tracers:
        return _NOT_TRACED
    return span(
        f"{service} {event.type}", event.traceparent, SpanKind.CONSUMER,
        event=event.id, type=event.type, territory=event.territory,
    )  # fmt: skip


def with_trace(event: Event) -> Event:
    """The event with the trace that it is a part of, if it says none itself."""
    now = None if event.traceparent else current()
    return event.model_copy(update={"traceparent": now}) if now else event


def remember(work: str) -> None:
    """What is being done now is the cause of `work`, which this process does later."""
    now = current()
    if now is not None and len(_causes) < LONGEST_REMEMBERED:
        _causes[work] = now


def cause_of(work: str) -> str | None:
    """The first cause of `work`, once."""
    return _causes.pop(work, None)


App = Callable[[MutableMapping[str, Any], Any, Callable[[MutableMapping[str, Any]], Awaitable[None]]], Awaitable[None]]


class Traced:
    """ASGI: each request is a span, named by its route: an address may hold the token of a family."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not are_on():
            await self._app(scope, receive, send)
            return
        with span(scope["method"], kind=SpanKind.SERVER) as begun:

            async def told(message: MutableMapping[str, Any]) -> None:
                if begun is not None and message["type"] == "http.response.start":
                    begun.set_attribute("http.response.status_code", message["status"])
                await send(message)

            await self._app(scope, receive, told)
            if begun is not None and "endpoint" in scope:
                begun.update_name(f"{scope['method']} {_template(scope)}")


def _template(scope: MutableMapping[str, Any]) -> str:
    """The address of a route that was found, with the names of its parts in place of what they held."""
    named = {str(value): name for name, value in scope.get("path_params", {}).items()}
    parts = scope["path"].split("/")
    return "/".join(f"{{{named[part]}}}" if part in named else part for part in parts)
