"""What the channels to other machines have in common: when a secret may travel, and what a failing server is."""

import ipaddress

CONNECT_SECONDS = 30


class ServerFailed(RuntimeError):
    """A server is down, refuses us or breaks off. Machinery, not data: nothing is decided, the next pass goes on."""


def is_loopback(host: str | None) -> bool:
    """Say whether ``host`` is this machine: only then may a secret travel without encryption.

    >>> is_loopback("127.0.0.1"), is_loopback("mail.example")
    (True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
