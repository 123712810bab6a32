"""Post JSON to a webhook, whose address is a secret: it stands in no log and no exception."""

import logging

import httpx
import tenacity

_TRIES, _TIMEOUT_SECONDS = 3, 5.0


def post(url: str, body: dict[str, str]) -> str | None:
    """Post the body, three times at most; return why it could not be, or None."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs addresses, and httpcore at debug their parts
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    try:
        _try(url, body)
    except httpx.HTTPStatusError as error:
        return f"it answers {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:  # its text may carry the address
        return type(error).__name__
    return None


@tenacity.retry(
    stop=tenacity.stop_after_attempt(_TRIES),
    wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=2),
    retry=tenacity.retry_if_exception_type(httpx.HTTPError),
    reraise=True,
)
def _try(url: str, body: dict[str, str]) -> None:
    httpx.post(url, json=body, timeout=_TIMEOUT_SECONDS).raise_for_status()
