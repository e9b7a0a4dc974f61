"""The spans of a test, kept in memory, and the ways that they make through the services."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.bus import traces


@contextlib.contextmanager
def traced() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.configure_with(SimpleSpanProcessor(exporter), "test")
    try:
        yield exporter
    finally:
        traces.stop()


def ways(exporter: InMemorySpanExporter) -> list[list[str]]:
    """The names of the spans from the root of each trace to each gateway call."""
    spans = {span.context.span_id: span for span in exporter.get_finished_spans() if span.context}
    return [_way(spans, span) for span in spans.values() if span.name.startswith("gateway ")]


def _way(spans: dict[int, ReadableSpan], span: ReadableSpan) -> list[str]:
    names, here = [span.name], span
    while here.parent is not None and here.parent.span_id in spans:
        assert here.context is not None and here.parent.trace_id == here.context.trace_id
        here = spans[here.parent.span_id]
        names.append(here.name)
    return names[::-1]
