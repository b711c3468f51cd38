# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches a file over HTTP, on a node or on the controller, within limits. No message contains a secret of the URL."""

from __future__ import annotations

import base64
import contextlib
import http.client
import netrc
import os
import re
import socket
import stat
import time
import urllib.error
import urllib.parse
import urllib.request

from .errors import NodeError
from .os_errors import os_reason, size
from .text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

    Incoming = Any  # http.client.HTTPResponse, or a local file with `headers`

LIMIT = 2 * 1024 * 1024 * 1024  # bytes of one file
READ_TIMEOUT = 60  # seconds without a byte
TIME_LIMIT = 3600  # seconds for the whole file
_BLOCK = 1024 * 1024
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])(?::\d*)?")
_PARTS = re.compile(r"\A([^/?#;]*)([^?#;]*)(.*)\Z", re.DOTALL)  # of a URL behind its scheme
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}")
_ANY_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_ANY_USERINFO = re.compile(r"\S+@")


class DownloadError(NodeError):
    """A file cannot be fetched; the message names its URL without user, password and query."""


def is_url(source: str) -> bool:
    """Whether a source is a URL and not a path."""
    return "://" in source


def redacted(url: str) -> str:
    """Return the URL for a message: without user, password, parameters, query and fragment.

    What may be part of a password, as in a URL whose password is not percent-encoded, is left out too.
    """
    scheme, _separator, rest = url.partition("://")
    scheme = scheme if _SCHEME.fullmatch(scheme) else "***"
    authority, path, more = _PARTS.findall(rest)[0]
    userinfo, _at, host = authority.rpartition("@")
    if "@" in path + more or (host and not _HOST.fullmatch(host)):
        return f"{scheme}://***"
    place = shown(f"{host}{path}")
    return f"{scheme}://{'***@' if userinfo else ''}{place}{'?***' if more else ''}"


def fetch(url: str, target: str, use_netrc: bool = False) -> None:
    """Download `url` (http, https or file) into the new file `target`. Raises DownloadError.

    A user and a password in the URL, or from ~/.netrc with `use_netrc`, are sent to the URL's own host only, not to another
    one that it redirects to.
    """
    try:
        with _open(url, use_netrc) as incoming:
            _copy(incoming, target, time.monotonic() + TIME_LIMIT)
    except DownloadError as error:
        reason = str(error)
    except Exception as error:  # urllib and http.client meet an odd URL or answer with many types
        reason = _reason(error, url)
    else:
        return
    # Raised outside of the handler: the former exception's text, which a traceback shows, may hold the URL.
    raise DownloadError(f"{redacted(url)} cannot be fetched: {reason}")


def _open(url: str, use_netrc: bool) -> Incoming:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        return _local(urllib.request.url2pathname(parts.path))
    if parts.scheme not in ("http", "https"):
        raise DownloadError("only URLs of http, https and file are accepted")
    userinfo, _at, host = parts.netloc.rpartition("@")
    if not host or not _HOST.fullmatch(host):
        raise DownloadError("it is not a valid URL; a user or password must be percent-encoded")
    request = urllib.request.Request(
        urllib.parse.urlunsplit(parts._replace(netloc=host, fragment="")), headers={"User-Agent": "cri.node"}
    )
    user, password = _credentials(userinfo, parts.hostname, use_netrc)
    if user or password:
        token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return urllib.request.build_opener(_Redirects).open(request, timeout=READ_TIMEOUT)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to HTTP only; credentials are sent only to the scheme, host and port that they were given for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None:
            if new.type not in ("http", "https"):
                raise DownloadError(f"it redirects to the scheme {shown(new.type)!r}, which is not followed")
            authorization = req.unredirected_hdrs.get("Authorization")
            if authorization and _origin(new.full_url) == _origin(req.full_url):
                new.add_unredirected_header("Authorization", authorization)
        return new


def _origin(url: str) -> tuple[str, str]:
    return urllib.parse.urlsplit(url)[:2]  # scheme and host with port


def _credentials(userinfo: str, host: str | None, use_netrc: bool) -> tuple[str, str]:
    if userinfo:
        user, _colon, password = userinfo.partition(":")
        return urllib.parse.unquote(user), urllib.parse.unquote(password)
    if use_netrc and host:
        with contextlib.suppress(OSError, netrc.NetrcParseError, ValueError):
            found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
            if found:
                return found[0] or "", found[2] or ""
    return "", ""


def _local(path: str) -> Incoming:
    """Open a local file for reading; a pipe or a device is refused without waiting for it."""
    file: Any = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise DownloadError("it is not a regular file")
    file.headers = {}
    return file


def _copy(incoming: Incoming, target: str, deadline: float) -> None:
    announced = _announced(incoming)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
            if announced is not None:
                _refuse_without_room(target, announced)
            count = 0
            while announced is None or count < announced:
                # read1, since read waits for a whole block, however slowly it comes.
                block = incoming.read1(_BLOCK if announced is None else min(_BLOCK, announced - count))
                if not block:
                    break
                count += len(block)
                if count > LIMIT:
                    raise DownloadError(f"it is larger than {size(LIMIT)}, the largest size accepted")
                if time.monotonic() > deadline:
                    raise DownloadError(
                        f"it was not complete within {TIME_LIMIT} s; {size(count)} were received"
                    )
                _write(file, block, target, announced)
            _write(file, b"", target, announced)
    except OSError as error:
        if error.filename is None:
            raise  # of the connection
        raise DownloadError(f"it cannot be stored: {os_reason(error, target)}") from None
    if announced is not None and count < announced:
        raise DownloadError(f"the connection was closed after {count} of {announced} bytes")


def _write(file: IO[bytes], block: bytes, target: str, announced: int | None) -> None:
    try:
        file.write(block)
        file.flush()
    except OSError as error:
        raise DownloadError(
            f"it cannot be stored in {shown(os.path.dirname(target))}: {os_reason(error, target, announced)}"
        ) from None


def _announced(incoming: Incoming) -> int | None:
    """Return the number of bytes that the server announces, None without one. Raises DownloadError for more than LIMIT."""
    text = incoming.headers.get("Content-Length", "").strip()
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII) or "chunked" in incoming.headers.get(
        "Transfer-Encoding", ""
    ):
        return None
    if int(text) > LIMIT:
        raise DownloadError(f"it has {size(int(text))}; at most {size(LIMIT)} are accepted")
    return int(text)


def _refuse_without_room(target: str, needed: int) -> None:
    folder = os.path.dirname(target)
    found = os.statvfs(folder)
    room = (found.f_bfree if os.geteuid() == 0 else found.f_bavail) * found.f_frsize
    if found.f_blocks and room < needed:
        raise DownloadError(
            f"it has {size(needed)}, but the file system of {shown(folder)} has only {size(room)} left"
        )


def _reason(error: Any, url: str) -> str:
    """Return why urllib failed, without any part of the URL."""
    if isinstance(error, urllib.error.HTTPError):
        # The phrase of the server's own, and the body, may repeat the request.
        return f"HTTP status {error.code} {http.client.responses.get(error.code, '')}".strip()
    if isinstance(error, urllib.error.URLError):
        error = error.reason
    if isinstance(error, socket.timeout):
        return f"no response within {READ_TIMEOUT} s"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was closed too early"
    if isinstance(error, (http.client.InvalidURL, ValueError)) and not isinstance(error, OSError):
        return "it is not a valid URL, or redirects to one that is not; a user or password must be percent-encoded"
    if isinstance(error, http.client.HTTPException):
        return f"the response of the server is not valid HTTP ({type(error).__name__})"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _scrubbed(str(reason), url) or type(error).__name__


def _scrubbed(text: str, url: str) -> str:
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, "***")
    text = _ANY_URL.sub(lambda found: redacted(found.group()), text[:4000])
    return shown(_ANY_USERINFO.sub("***@", text))


def _secrets(url: str) -> set[str]:
    """Return the secret parts of a URL, as they are written and decoded."""
    rest = url.partition("://")[2]
    userinfo, at, _host = rest.rpartition("@")
    query = re.split("[?#;]", rest, maxsplit=1)[1:]
    parts = [*query, *([userinfo, *userinfo.split(":")] if at else [])]
    for text in query:
        parts += [value.partition("=")[2] for value in re.split("[&;]", text)]
    parts += [urllib.parse.unquote(part) for part in parts]
    return {part for part in parts if len(part) > 3}
