"""The OpenAPI document, made from what the routes are made from: it cannot say something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from market_assets.api import schemas as shape
from market_assets.api.endpoints import COMPLETENESS, ENDPOINTS, HEALTH, METRICS, OPENAPI, PAGE
from market_assets.api.errors import CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from market_assets.api.parameters import Parameter

_ALWAYS: Final = (400, 401, 414, 421, 431, 500, 503)
"""Statuses of errors that any route may answer with."""
_BEFORE_ROUTES: Final = (414, 431)
"""Answered while the request is read, as JSON whatever it asks for."""
_TAG: Final = {
    "ETag": {
        "description": "Send it back in If-None-Match to ask whether there is a newer answer.",
        "schema": {"type": "string"},
    }
}
_UNCHANGED: Final = "There is no newer answer than the one with the tag in If-None-Match."
_DESCRIPTION: Final = """\
The latest market context, read from the published database. Every instant is UTC; a value that the
venue did not give is null. Ages tell how fresh each part is: the published file is seconds to a few
minutes behind the live one. `ETag` is of one question, and changes when a new file is published."""


def document(version: str) -> dict[str, Any]:
    """The document, as OpenAPI 3.1 has it.

    Args:
        version: of the project.
    """
    paths = {
        endpoint.path: _get(
            endpoint.name,
            endpoint.summary,
            endpoint.schema(),
            parameters=endpoint.parameters,
            doc=endpoint.doc,
            is_tagged=True,
        )
        for endpoint in ENDPOINTS
    }
    paths[HEALTH] = _get(
        "health",
        "The status of every channel",
        shape.health(),
        doc="200 whether or not all is well; 503 where that could not be found out.",
    )
    paths[PAGE] = _get(
        "page",
        "How everything is, as a page for people",
        {"type": "string"},
        doc="503 where that could not be found out; what is known besides stands there too.",
        media_type="text/html",
        errors="text/html",
        security=[{"token": []}, {"password": []}],
    )
    paths[COMPLETENESS] = _get(
        "completeness",
        "How many rows each day should have and has, as a page for people",
        {"type": "string"},
        media_type="text/html",
        errors="text/html",
        security=[{"token": []}, {"password": []}],
    )
    paths[METRICS] = _get(
        "metrics", "Metrics for Prometheus", {"type": "string"}, media_type="text/plain"
    )
    paths[OPENAPI] = _get("openapi", "This document", {"type": "object"})
    return {
        "openapi": "3.1.0",
        "info": {"title": "market_assets", "version": version, "description": _DESCRIPTION},
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": {"Error": _error(CODES)},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "MARKET_API_TOKEN; not needed on loopback while it is empty.",
                },
                "password": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The same token as the password, with any name: for browsers.",
                },
            },
        },
        "security": [{"token": []}],
    }


def _get(
    name: str,
    summary: str,
    schema: dict[str, Any],
    *,
    parameters: Sequence[Parameter] = (),
    doc: str = "",
    media_type: str = "application/json",
    errors: str = "application/json",
    security: Sequence[dict[str, list[str]]] = (),
    is_tagged: bool = False,
) -> dict[str, Any]:
    statuses = {*_ALWAYS, *([404] if any(p.place == "path" for p in parameters) else [])}
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            **({"description": doc} if doc else {}),
            **({"security": list(security)} if security else {}),
            **({"parameters": [_parameter(p) for p in parameters]} if parameters else {}),
            "responses": {
                "200": {
                    "description": "The answer.",
                    **({"headers": _TAG} if is_tagged else {}),
                    "content": {media_type: {"schema": schema}},
                },
                **({"304": {"description": _UNCHANGED, "headers": _TAG}} if is_tagged else {}),
                **{str(status): _refusal(status, errors) for status in sorted(statuses)},
            },
        }
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.is_required,
        "description": parameter.doc,
        "schema": parameter.schema,
        **({} if parameter.example is None else {"example": parameter.example}),
    }


def _refusal(status: int, media_type: str) -> dict[str, Any]:
    meanings = "; ".join(
        f"`{code}`: {meaning.rstrip('.')}"
        for code, (its_status, meaning) in CODES.items()
        if its_status == status
    )
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    if media_type != "application/json" and status not in _BEFORE_ROUTES:
        content = {media_type: {"schema": {"type": "string"}}}
    return {"description": meanings + ".", "content": content}


def _error(codes: Iterable[str]) -> dict[str, Any]:
    code = {"type": "string", "enum": list(codes)}
    return shape.members(error=shape.members(code=code, message=shape.TEXT))
