"""The generated documents as pages that people read without scripts or other servers."""

import json
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("farandole.http"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
_ENVIRONMENT.filters["last"] = lambda reference: reference.rpartition("/")[2]


def api_page(document: dict[str, Any]) -> str:
    """An OpenAPI document as HTML."""
    return _ENVIRONMENT.get_template("openapi.html").render(document=document)


def events_page(document: dict[str, Any]) -> str:
    """An AsyncAPI document as HTML."""
    return _ENVIRONMENT.get_template("asyncapi.html").render(document=document)
