"""The specification turned into what the reference page prints: operations in their sections, each with its fields. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: Fields within fields are listed as far down as this.
_DEEPEST = 6
_METHODS = ("get", "post")


@dataclass(frozen=True)
class Field:
    """One line of a table: "items[].product.id", "text, uuid", required, and what is said of it."""

    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    #: the same in short, for the contents: /products/{id}/plans/{id}
    short_path: str
    summary: str
    #: (capacity, permission)
    needs: list[tuple[str, str]]
    parameters: list[Field]
    body: list[Field]
    success: str
    answer: list[Field]


@dataclass(frozen=True)
class Section:
    id: str
    name: str
    description: str
    operations: list[Operation]


def sections_of(spec: Mapping[str, Any]) -> list[Section]:
    known = spec["components"]["schemas"]
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in spec["tags"]}
    for path, item in spec["paths"].items():
        for method in _METHODS:
            if method in item:
                shared = item.get("parameters", [])
                found[item[method]["tags"][0]].append(_operation(method, path, item[method], shared, known))
    return [
        Section(tag["name"].replace(" ", "-"), tag["name"], tag.get("description", ""), found[tag["name"]])
        for tag in spec["tags"]
    ]


def _operation(
    method: str, path: str, said: Mapping[str, Any], shared: list[Any], known: Mapping[str, Any]
) -> Operation:
    success = next(code for code in said["responses"] if code.startswith("2"))
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answer = said["responses"][success].get("content", {}).get("application/json", {}).get("schema")
    parameters = [
        Field(one["name"], _kind(one["schema"], known), one.get("required", False), one.get("description", ""))
        for one in [*shared, *said.get("parameters", [])]
    ]
    return Operation(
        id=said["operationId"].replace("_", "-"),
        method=method.upper(),
        path=path,
        short_path=re.sub(r"{\w+}", "{id}", path.removeprefix("/api/v1")),
        summary=" ".join(filter(None, (said.get("summary", ""), said.get("description", "")))),
        needs=sorted(said.get("x-permissions", {}).items()),
        parameters=parameters,
        body=list(_fields(body, known)) if body else [],
        success=success,
        answer=list(_fields(answer, known)) if answer else [],
    )


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any], before: str = "", depth: int = 0) -> Iterator[Field]:
    whole = _resolved(schema, known)
    if whole.get("type") == "array":
        yield from _fields(whole["items"], known, f"{before}[]", depth)
        return
    if depth == _DEEPEST:
        return
    required = whole.get("required", [])
    for name, inside in whole.get("properties", {}).items():
        path = f"{before}.{name}" if before else name
        one = _resolved(inside, known)
        yield Field(path, _kind(inside, known), name in required, one.get("description", inside.get("description", "")))
        if _is_money(one):
            continue
        yield from _fields(one, known, path, depth + 1)


def _resolved(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The schema itself, through references and "this or null"."""
    whole = dict(schema)
    for choice in ("allOf", "anyOf"):
        for one in whole.pop(choice, []):
            if one.get("type") != "null":
                whole = {**_resolved(one, known), **whole}
    if "$ref" in whole:
        name = whole.pop("$ref").rpartition("/")[2]
        whole = {**_resolved(known[name], known), **whole, "title": name}
    return whole


def _is_money(schema: Mapping[str, Any]) -> bool:
    return schema.get("title") == "Money"


def _kind(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    whole = _resolved(schema, known)
    if _is_money(whole):
        return "money"
    kinds = whole.get("type", "object")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if whole.get("enum"):
        return ", ".join(str(one) for one in whole["enum"] if one is not None)
    plain = whole.get("contentEncoding", "text")
    text = {"uuid": "id", "date-time": "instant"}.get(whole.get("format", ""), plain)
    return " or ".join({"string": text, "array": "list"}.get(one, str(one)) for one in kinds)
