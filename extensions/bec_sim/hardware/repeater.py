"""A Channel Access repeater for this machine only.

Every Channel Access client looks for one, and complains on its terminal when it finds
none; the usual one listens to the whole network.
"""

import asyncio
import socket
import struct
from typing import cast

_HEADER = struct.Struct("!HHHHII")
_CONFIRM, _REGISTER = 17, 24
_Address = tuple[str, int]


class CaRepeater(asyncio.DatagramProtocol):
    """Confirms each client that registers, and passes servers' beacons on to them."""

    def __init__(self) -> None:
        self._clients: set[_Address] = set()
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: _Address) -> None:
        """A client registers (an empty message does, too), or a server is up."""
        if self._transport is None:
            return
        if not data or _HEADER.unpack_from(data.ljust(_HEADER.size))[0] == _REGISTER:
            self._clients.add(addr)
            host = int.from_bytes(socket.inet_aton(addr[0]), "big")
            self._transport.sendto(_HEADER.pack(_CONFIRM, 0, 0, 0, 0, host), addr)
            return
        for client in self._clients - {addr}:
            self._transport.sendto(data, client)


async def start_repeater(port: int) -> None:
    """Repeat on `port` of loopback; if somebody does already, leave it to them."""
    loop = asyncio.get_running_loop()
    try:
        await loop.create_datagram_endpoint(CaRepeater, local_addr=("127.0.0.1", port))
    except OSError:
        return
