"""What a browser sends because another site's page told it to is refused; programs other than browsers are not concerned."""

from urllib.parse import urlsplit

from starlette.requests import Request

from farandole.http import parameters
from farandole.http.problems import Problem


def own_site(request: Request) -> None:
    """403 for what another site's page has a browser send: old browsers say only from where (`Origin`)."""
    sites = parameters.header(request, b"sec-fetch-site")
    if sites:
        theirs = not set(sites) <= {"same-origin", "none"}
    else:
        hosts = parameters.header(request, b"host")
        theirs = any(_host(origin) not in hosts for origin in parameters.header(request, b"origin"))
    if theirs:
        raise Problem(403, "expected a request from a page of this address, found one from another site's")


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
