"""The service as a server on a port, until it is ended."""

from __future__ import annotations

import ipaddress
import logging
import socket

import uvicorn

from kpi.errors import DataError, Diagnostic, Message
from kpi.process.os_errors import reason
from kpi.service.app import create_app
from kpi.service.service import Service

#: How long (seconds) requests that run may take once the service is to end, beyond the limit of the work.
_GRACE = 5
#: Connections at once, and those that wait for being accepted.
_CONNECTIONS, _BACKLOG = 1000, 512


def is_loopback(host: str) -> bool:
    """Return whether an address can only be reached from this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int, *, has_tokens: bool) -> socket.socket:
    """Return a socket that listens; port 0 takes a free one.

    Raises:
        DataError: K901, without tokens on an address that other machines reach; K917, if the address cannot be used.
    """
    if not has_tokens and not is_loopback(host):
        message = Message("without tokens everybody who reaches {host} could read, score and publish", host=host)
        hint = Message("name a file of tokens with --tokens, or listen on 127.0.0.1")
        raise DataError(Diagnostic("K901", message, hint=hint))
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # By its protocol asyncio knows that the connections need TCP_NODELAY: else the body of an answer, which is
        # written after the head, waits 40 ms for the client to acknowledge that.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _cannot_listen(host, port, error) from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise _cannot_listen(host, port, error) from None
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> DataError:
    message = Message("cannot listen on {host}:{port}: {words}", host=host, port=port, words=reason(error))
    return DataError(Diagnostic("K917", message, hint=Message("choose another port with --port")))


def serve(service: Service, listening: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM: no new connections then, and requests that run are finished."""
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        create_app(service), access_log=False, log_level="warning", lifespan="on", server_header=False,
        timeout_keep_alive=15, timeout_graceful_shutdown=int(service.limits.seconds) + _GRACE,
        limit_concurrency=_CONNECTIONS, h11_max_incomplete_event_size=64 << 10,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])
