"""The API in French for who makes software, made on the server from the OpenAPI document: no script, no other host.

Every address, field and value is read from `/openapi.json`; only the introduction is written by hand, and a test sends
its example. When to modify: with a kind of schema that `_parts` has no words for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response

from contracts import vocabulary
from contracts.vocabulary import Labelled
from services.ingest.actors import Role
from services.ingest.api.errors import TITLES
from services.ingest.pages.visit import Visit, get

TAGS = {
    "places": "Les places libres",
    "structures": "Les structures",
    "demandes": "Les demandes",
    "propositions": "Les propositions et les accueils",
    "campagnes": "Les campagnes",
    "tâches": "Ce qui est à traiter",
    "journal": "Qui a fait ou lu quoi",
    "accès": "Les accès",
    "sms": "Les SMS reçus",
    "logiciels": "Plusieurs messages à la fois",
}
METHODS = ("get", "post", "put", "delete")
ID_LENGTH = 64
_FORMATS = {
    "date": "date (2026-11-27)",
    "date-time": "instant (2026-11-27T08:30:00+01:00)",
    "time": "heure (08:30)",
}

WITH_KEY = "Authorization: Bearer berceau_…"
EXAMPLE = """{
  "section": "S-cailloux-grands",
  "kind": "occasional",
  "slots": [{"day": "2026-11-27", "start": "08:30", "end": "16:30"}],
  "places": 1,
  "period": {"start": "2026-11-27", "end": "2026-11-28"}
}"""


@dataclass(frozen=True)
class Part:
    """A piece of what a field holds; `ref` leads to the object that is named."""

    text: str
    ref: str = ""


@dataclass(frozen=True)
class FieldLine:
    name: str
    parts: tuple[Part, ...]
    required: bool
    note: str = ""


@dataclass(frozen=True)
class Operation:
    """One address with one method. `body` and `answer` name objects, where there is one."""

    id: str
    method: str
    path: str
    text: str
    needs_key: bool
    parameters: tuple[FieldLine, ...]
    body: tuple[Part, ...]
    answer: tuple[Part, ...]


@dataclass(frozen=True)
class Described:
    """An object of the API with its fields, or a list of values with what they mean."""

    name: str
    fields: tuple[FieldLine, ...]
    values: tuple[tuple[str, str], ...]


async def described(visit: Visit) -> Response:
    """The page for who connects a program."""
    document = visit.request.app.openapi()
    return visit.show(
        "public/api.html", groups=groups(document), objects=objects(document), statuses=TITLES, with_key=WITH_KEY,
        example=_request(visit.guichet.public_url),
    )  # fmt: skip


def _request(base: str) -> str:
    """The example as it goes over the wire."""
    head = (f"POST {base}/api/v1/vacancies", WITH_KEY, "Idempotency-Key: grands-1", "Content-Type: application/json")
    return "\n".join((*head, "", EXAMPLE))


def groups(document: Mapping[str, Any]) -> list[tuple[str, list[Operation]]]:
    """Every operation under its heading, in the order of `TAGS`."""
    found: dict[str, list[Operation]] = {tag: [] for tag in TAGS}
    for path, acts in document["paths"].items():
        for method in METHODS:
            if method in acts:
                found.setdefault(acts[method].get("tags", [""])[0], []).append(_operation(path, method, acts[method]))
    return [(TAGS.get(tag, tag), rows) for tag, rows in found.items() if rows]


def objects(document: Mapping[str, Any]) -> list[Described]:
    """Every object and every list of values, by name."""
    schemas = document["components"]["schemas"]
    return [_object(name, schemas[name]) for name in sorted(schemas)]


def _operation(path: str, method: str, facts: Mapping[str, Any]) -> Operation:
    answers = [answer for status, answer in facts["responses"].items() if status.startswith("2")]
    return Operation(
        id=f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        method=method.upper(),
        path=path,
        text=facts.get("description", "").partition("\n")[0],
        needs_key={} not in facts.get("security", [{}]),
        parameters=tuple(_parameter(row) for row in facts.get("parameters", [])),
        body=_content(facts.get("requestBody", {})),
        answer=_content(answers[0]) if answers else (),
    )


def _content(facts: Mapping[str, Any]) -> tuple[Part, ...]:
    return next((tuple(_parts(media["schema"])) for media in facts.get("content", {}).values() if media), ())


def _parameter(row: Mapping[str, Any]) -> FieldLine:
    places = {"path": "dans l'adresse", "query": "après le point d'interrogation", "header": "en-tête"}
    return FieldLine(row["name"], tuple(_parts(row["schema"])), row.get("required", False), places.get(row["in"], ""))


def _object(name: str, schema: Mapping[str, Any]) -> Described:
    wanted = schema.get("required", [])
    fields = tuple(
        FieldLine(field, tuple(_parts(facts)), field in wanted, _default(facts))
        for field, facts in schema.get("properties", {}).items()
    )
    return Described(name, fields, tuple(_values(name, schema)))


def _values(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The values of a list with their French labels, where the vocabulary has them."""
    words = Role if name == Role.__name__ else getattr(vocabulary, name, None)
    labels = {word.value: word.label for word in words} if isinstance(words, type(Labelled)) else {}
    for value in schema.get("enum", []):
        yield str(value), labels.get(value, "")


def _default(facts: Mapping[str, Any]) -> str:
    default = facts.get("default")
    if default is None or default == "" or default == []:
        return ""
    words = {True: "vrai", False: "faux"}
    return f"Sans lui\u00a0: {words[default] if isinstance(default, bool) else default}"


def _parts(schema: Mapping[str, Any]) -> Iterator[Part]:
    """What a value is, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield Part(name, name)
    elif "anyOf" in schema:
        yield from _one_of([option for option in schema["anyOf"] if option.get("type") != "null"])
    elif schema.get("type") == "array":
        yield Part("liste de ")
        yield from _parts(schema.get("items", {}))
    elif "const" in schema:
        yield Part(f"«\u00a0{schema['const']}\u00a0»")
    else:
        yield Part(_plain(schema))


def _one_of(options: list[Mapping[str, Any]]) -> Iterator[Part]:
    for n, option in enumerate(options):
        if n:
            yield Part(" ou ")
        yield from _parts(option)


def _plain(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), _text(schema))
    if kind in ("integer", "number"):
        return f"nombre{_range(schema)}"
    return {"boolean": "vrai ou faux", "object": "objet"}.get(str(kind), "valeur JSON")


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("maxLength") == ID_LENGTH and schema.get("pattern"):
        return "identifiant"
    return f"texte de {schema['maxLength']}\u00a0caractères au plus" if "maxLength" in schema else "texte"


def _range(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" de {least:g} à {most:g}"
    return f" à partir de {least:g}" if least is not None else ""


PAGES = (get("/api/docs", described),)
