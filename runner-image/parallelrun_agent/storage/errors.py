"""What can go wrong with an object store, as errors that name the object, the store and what to do.

    StorageError       anything else about one object, a denied one say
    ├── Refused        the store as a whole refuses: wrong or expired credentials, no such bucket; nothing works until
    │                  somebody mends it
    ├── Gone           the object is not there any more
    ├── Changed        its size or version is not what was planned
    └── Unreachable    it went on failing for minutes: 5xx, 429, broken connections, time-outs

What obstore raises has a class for some of them and says the rest in its text, which is read here and nowhere else.
Addresses are shown without their queries, as everywhere: those may hold signatures.
"""

from __future__ import annotations

import re
from enum import Enum

from parallelrun.api import web_addresses
from parallelrun.api.errors import ParallelRunError
from parallelrun.api.settings import StoreSettings


class StorageError(ParallelRunError):
    """Something is wrong with the object ``url``."""

    def __init__(self, url: str, message: str, hint: str = "") -> None:
        """``message`` names the object and the store."""
        super().__init__(message, hint)
        self.url = url


class Refused(StorageError):
    """The store refuses everything: credentials, or a bucket that is not there."""


class Gone(StorageError):
    """The object is not there any more."""


class Changed(StorageError):
    """The object is not the one that was planned."""


class Unreachable(StorageError):
    """The store could not be reached, or went on failing, for as long as is tried."""


class NoRanges(StorageError):
    """The server sends whole files only."""


class Cause(Enum):
    """What an error of obstore means for whoever asked."""

    REFUSED = "refused"  # maybe for this object alone: ask the store for anything else
    CLOSED = "closed"  # the store as a whole, without asking
    MISSING = "missing"  # the object, or the whole bucket: ask
    CHANGED = "changed"
    TRANSIENT = "transient"
    OTHER = "other"


# Patterns are compiled when they are first needed: most jobs never need them.
_STATUS = r"status code: (\d{3})"
_ADDRESS = r"\w+://[^\s\")]+"
_WORDS = r"<Code>([^<]*)</Code>\s*(?:<Message>([^<]*)</Message>)?"
#: Names of errors, in a 400 answer, that mean credentials.
_CREDENTIALS = (
    r"ExpiredToken|InvalidToken|InvalidAccessKeyId|AuthenticationFailed|InvalidAuthenticationInfo|"
    r"AuthorizationHeaderMalformed|TokenRefreshRequired|InvalidAuthentication"
)
#: No answer at all for a reason that does not pass by itself: a name that nobody has, a certificate that nobody trusts,
#: a server without TLS, a key that is no key, a bucket of another region.
_CLOSED = (
    r"Name or service not known|No address associated|nodename nor servname|certificate|Invalid Access Key|"
    r"service account|redirect|Unable to decode|URL scheme is not allowed|builder error|InvalidContentType"
)
#: An answer that is no TLS.
_NO_TLS = "InvalidContentType"
_TRANSIENT = (
    r"error sending request|HTTP error|timed out|TimedOut|connection|Connection|decoding response body|request or "
    r"response body|IncompleteMessage|unexpected EOF|end of file"
)
#: Who gives credentials to machines in clouds, if anybody does.
_METADATA = r"://(169\.254\.|metadata\.google)"
#: How obstore tells of its own retries.
_NOISE = r"^Generic \w+ error: | in [\d.]+\w?s(, after \d+ retries, max_retries: \d+, retry_timeout: \w+)?"
#: What the source of an error says that its own line leaves out.
_SOURCE = rf"(dns error|{_NO_TLS}|invalid peer certificate[^\"]*|Connection refused|Name or service not known)"
_OTHER_REGION = r"redirect|PermanentRedirect|AuthorizationHeaderMalformed"


def cause(error: Exception) -> Cause:
    """What an exception that obstore raised means."""
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError):
        return Cause.MISSING
    if isinstance(error, ConnectionError):
        return Cause.TRANSIENT
    if kind in ("PermissionDeniedError", "UnauthenticatedError"):
        return Cause.REFUSED
    if kind in ("PreconditionError", "NotModifiedError"):
        return Cause.CHANGED
    if re.search(_METADATA, str(error)):
        return Cause.CLOSED
    text = _without_addresses(error)
    status = re.search(_STATUS, text)
    if status:
        return _of_status(int(status[1]), text)
    if re.search(_CLOSED, text):
        return Cause.CLOSED
    return Cause.TRANSIENT if re.search(_TRANSIENT, text) else Cause.OTHER


def _without_addresses(error: Exception) -> str:
    """An error's text without what the keys of objects may make it say."""
    return re.sub(_ADDRESS, "", str(error))


def _of_status(status: int, text: str) -> Cause:
    if status in (401, 403) or (status == 400 and re.search(_CREDENTIALS, text)):
        return Cause.REFUSED
    if status == 404:
        return Cause.MISSING
    if status in (412, 416):
        return Cause.CHANGED
    if status in (408, 429) or status >= 500:
        return Cause.TRANSIENT
    return Cause.CLOSED if 300 <= status < 400 else Cause.OTHER


def said(error: Exception) -> str:
    """What a server or obstore said, in a line without signatures."""
    text = str(error)
    if re.search(_METADATA, text):
        return "this machine's metadata service gives no credentials"
    status = re.search(r"status code: (\d{3}[ \w]*)", text)
    if status:
        words = re.search(_WORDS, text)
        code = status[1].strip()
        return f"{code} ({': '.join(map(_line, filter(None, words.groups())))})" if words else code
    line = " ".join(text.partition("\n\nDebug source")[0].split())
    line = re.sub(_NOISE, "", web_addresses.shown(line))
    source = re.search(
        _SOURCE,
        text,
    )
    return f"{line[:300]} ({source[1]})" if source and source[1] not in line else line[:300]


def _line(text: str) -> str:
    """The first line of what a server says, as people read it; Azure adds the request's number and time below."""
    from html import unescape

    return unescape(text.strip().partition("\n")[0].strip())


def shown(store: StoreSettings) -> str:
    """A store as people know it."""
    place = place_of(store)
    return f"datastore {store.name!r} ({place})" if store.name else place


def place_of(store: StoreSettings) -> str:
    """The bucket, container or server of a store, and where it is if not with the cloud itself."""
    if store.kind == "https":
        return store.endpoint or store.url
    scheme = {"s3": "s3://", "gcs": "gs://", "azureBlob": f"az://{store.account}/"}[store.kind]
    return f"{scheme}{store.bucket}{f' at {store.endpoint}' if store.endpoint else ''}"


def refused(store: StoreSettings, url: str, error: Exception) -> Refused:
    """The error for a store that refuses everything."""
    return Refused(url, f"{shown(store)} refuses access to {url}: {said(error)}", _what_to_do(store, error))


def _what_to_do(store: StoreSettings, error: Exception) -> str:
    text = _without_addresses(error)
    box = {"s3": "bucket", "gcs": "bucket", "azureBlob": "container", "https": "address"}[store.kind]
    if re.search(_OTHER_REGION, text):
        return "Set the region that the bucket is in (s3.region of the Datastore, or AWS_REGION)."
    if re.search(_METADATA, str(error)):
        return "There are no credentials: name a Secret (secretRef of the Datastore), or set anonymous: true."
    if "status code: 404" in text and "UserNotFound" not in text:
        return f"Is the {box}'s name right? It has to exist before the job starts."
    if _NO_TLS in text:
        return "Its server speaks no TLS: write the endpoint with http://, if that is meant."
    if "Name or service not known" in text:
        return "Nobody has this name: check account and endpoint."
    if store.anonymous:
        return f"The {box} is not public: name a Secret (secretRef of the Datastore) in place of anonymous: true."
    if store.credentials:
        return "Correct the Secret of the Datastore, or the rights of the account that it belongs to."
    return "Correct the credentials of this environment, or name a Secret (secretRef of a Datastore)."


def no_list(store: StoreSettings, url: str) -> Refused:
    """The error for a server that knows nothing of the bucket's address."""
    return Refused(
        url,
        f"{shown(store)} has no list of {url}: the server answers 404",
        "Is the endpoint right? It is the server's address, without bucket or container.",
    )


def gone(store: StoreSettings, url: str) -> Gone:
    """The error for an object that is not there."""
    return Gone(url, f"{url} is not there any more{_in(store)}", "It was there when the job was planned.")


def changed(store: StoreSettings, url: str, what: str) -> Changed:
    """The error for an object that is another one now; ``what`` differs."""
    return Changed(
        url,
        f"{url}{_in(store)} changed after the job was planned: {what}",
        "Run the job when nothing writes to its input.",
    )


def unreachable(store: StoreSettings, url: str, error: Exception, seconds: float) -> Unreachable:
    """The error for a store that went on failing for so long."""
    return Unreachable(
        url,
        f"{url}{_in(store)} could not be reached for {seconds:.0f} s: {said(error)}",
        "See whether the store works and whether this machine reaches it.",
    )


def not_answering(store: StoreSettings, error: Exception) -> str:
    """What is said of a store while it is asked again and again."""
    return f"{shown(store)} does not answer, and is asked again: {said(error)}"


def no_ranges(store: StoreSettings, url: str) -> NoRanges:
    """The error for a server that does not send parts of a file."""
    return NoRanges(
        url, f"{url}{_in(store)}: the server sends whole files only", "Tables and large files need one with ranges."
    )


def denied(store: StoreSettings, url: str, error: Exception) -> StorageError:
    """The error for one object that may not be read, in a store that answers otherwise."""
    return StorageError(
        url,
        f"{url}{_in(store)} may not be read: {said(error)}",
        "The store itself can be listed: give the account the right to read this object.",
    )


def other(store: StoreSettings, url: str, error: Exception) -> StorageError:
    """The error for what is none of the others."""
    text = said(error)
    hint = "Rename it, or name a prefix that it is not below." if "invalid path" in text else ""
    return StorageError(url, f"{url}{_in(store)}: {text}", hint)


def _in(store: StoreSettings) -> str:
    return f" (datastore {store.name!r})" if store.name else ""
