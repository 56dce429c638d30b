"""An SMTP server that takes every mail and forgets it, as cheaply as Python can."""

import argparse
import asyncio


class Sink(asyncio.Protocol):
    """One connection: commands answered by their first letters, pipelined or not; a message ends with its dot."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.WriteTransport = transport  # type: ignore[assignment]
        self.buffer = b""
        self.in_message = False
        self.transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        answers = []
        while True:
            if self.in_message:
                _, dot, rest = self.buffer.partition(b"\r\n.\r\n")
                if not dot:
                    break
                self.buffer, self.in_message = rest, False
                answers.append(b"250 2.0.0 taken\r\n")
                continue
            line, end, rest = self.buffer.partition(b"\r\n")
            if not end:
                break
            self.buffer = rest
            command = line[:4].upper()
            if command == b"EHLO":
                answers.append(b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n")
            elif command == b"DATA":
                self.in_message = True
                answers.append(b"354 go on\r\n")
            elif command == b"QUIT":
                self.transport.write(b"".join(answers) + b"221 2.0.0 bye\r\n")
                self.transport.close()
                return
            else:
                answers.append(b"250 2.0.0 ok\r\n")
        if answers:
            self.transport.write(b"".join(answers))


async def serve(port: int) -> None:
    """Take mails until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(serve(parser.parse_args().port))
