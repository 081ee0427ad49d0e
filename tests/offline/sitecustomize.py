"""Closes the network to a Python process: only loopback and Unix sockets connect."""

import socket

_connect = socket.socket.connect


def _connect_to_loopback(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        raise PermissionError(f"this test has no network; tried {address}")
    return _connect(self, address)


def _no_lookup(host, *_arguments, **_options):
    if host in ("127.0.0.1", "::1", "localhost", None, ""):
        return _getaddrinfo(host, *_arguments, **_options)
    raise PermissionError(f"this test has no network; looked up {host}")


_getaddrinfo = socket.getaddrinfo
socket.socket.connect = _connect_to_loopback
socket.socket.connect_ex = _connect_to_loopback
socket.getaddrinfo = _no_lookup
