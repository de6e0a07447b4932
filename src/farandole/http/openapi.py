"""The OpenAPI 3.1 document is generated from the table of routes; nothing is written by hand twice."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from farandole import __version__
from farandole.http.parameters import Parameter
from farandole.http.problems import PROBLEM_JSON, ProblemDetails, phrase
from farandole.http.routes import EVENT_STREAM, JSON, Route

_PROBLEM: Final = {"$ref": "#/components/schemas/ProblemDetails"}
_RETRY_AFTER: Final = {"description": "seconds after which to ask again", "schema": {"type": "integer"}}


def openapi(title: str, routes: Sequence[Route]) -> dict[str, Any]:
    """The document that describes a table of routes."""
    kinds = list(dict.fromkeys(kind for route in routes for kind in (route.body, route.answer) if kind is not None))
    schemas, components = msgspec.json.schema_components(
        [*kinds, ProblemDetails], ref_template="#/components/schemas/{name}"
    )
    by_kind = dict(zip(kinds, schemas, strict=False))
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_kind)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": re.sub(r"[^a-z0-9]+", "_", f"{route.method} {route.path}".lower()).strip("_"),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route, schemas),
    }
    if found := [*_path_parameters(route), *route.parameters]:
        operation["parameters"] = [_parameter(parameter) for parameter in found]
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": schemas[route.body]}}}
    return operation


def _path_parameters(route: Route) -> Iterable[Parameter]:
    described = {parameter.name for parameter in route.parameters if parameter.place == "path"}
    names = re.findall(r"{(\w+)}", route.path)
    return [Parameter(name, "path") for name in names if name not in described]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {"name": parameter.name, "in": parameter.place, "schema": parameter.schema}
    if parameter.description:
        described["description"] = parameter.description
    if parameter.place == "path":
        described["required"] = True
    return described


def _responses(route: Route, schemas: dict[Any, Any]) -> dict[str, Any]:
    answered: dict[str, Any] = {"description": phrase(route.status)}
    if route.answer is not None:
        kinds = {route.media: route.answer, **route.also}
        answered["content"] = {media: _content(media, schemas[kind]) for media, kind in kinds.items()}
    if route.headers:
        answered["headers"] = {
            name: {"description": words, "schema": {"type": "string"}} for name, words in route.headers.items()
        }
    responses = {str(route.status): answered}
    for status, words in route.statuses.items():
        responses[str(status)] = {"description": words}
    for status in sorted(problem_statuses(route)):
        responses[str(status)] = _problem(status)
    return responses


def _content(media: str, schema: Any) -> dict[str, Any]:
    """OpenAPI 3.1 has no words for the events of a stream, so that one has no schema."""
    return {"schema": {} if media == EVENT_STREAM else schema}


def _problem(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"description": phrase(status), "content": {PROBLEM_JSON: {"schema": _PROBLEM}}}
    if status == 503:
        described["headers"] = {"Retry-After": _RETRY_AFTER}
    return described


def problem_statuses(route: Route) -> set[int]:
    """Every error that a route may answer: what its shape implies, and what it names itself."""
    statuses = {500, 503, *route.problems}
    if "{" in route.path:
        statuses.add(404)
    if any(parameter.place != "path" for parameter in route.parameters):
        statuses.add(422)
    if route.body is not None:
        statuses |= {400, 413, 415, 422}
    return statuses
