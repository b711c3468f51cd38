# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon's socket: HTTP/2 is gRPC and is passed to the CRI server, anything else is CRI-O's HTTP/1.1 interface."""

import asyncio
import os
import threading

_HTTP2 = b"PRI * HTTP/2"
_BLOCK = 1 << 16  # bytes


class Socket:
    """Listens at `path`; `answer(path)` returns (status, content type, body) for HTTP/1.1."""

    def __init__(self, path, cri_path, answer):
        self.path = path
        self.cri_path = cri_path
        self.answer = answer
        self.loop = asyncio.new_event_loop()

    def open(self):
        """Start listening in the background. Raises OSError."""
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.loop.run_until_complete(asyncio.start_unix_server(self._connected, self.path))
        os.chmod(self.path, 0o660)
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def _connected(self, reader, writer):
        try:
            head = await reader.read(_BLOCK)
            while head and len(head) < len(_HTTP2) and _HTTP2.startswith(head):
                head += await reader.read(_BLOCK) or b"\0"
            if head.startswith(_HTTP2):
                cri_reader, cri_writer = await asyncio.open_unix_connection(self.cri_path)
                cri_writer.write(head)
                await asyncio.gather(_copy(reader, cri_writer), _copy(cri_reader, writer))
            elif head:
                await self._http(head, writer)
        except OSError:
            pass  # one side has gone, as it may
        finally:
            writer.close()

    async def _http(self, head, writer):
        words = head.split(b"\r\n", 1)[0].split()
        status, kind, body = self.answer(words[1].decode() if len(words) > 1 else "/")
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        )
        writer.write(body)
        await writer.drain()


async def _copy(reader, writer):
    try:
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
    finally:
        writer.close()
