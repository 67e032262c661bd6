"""A server between a journal and PostgreSQL that cuts connections at chosen moments."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


class Cutter:
    """A relay that can cut connections.

    Attributes:
        url: the journal's URL through the relay.
        questions: the number of relayed pieces from the client.
        answers: the number of relayed pieces from the server.
        cuts: the number of connections that were cut instead of relaying a piece.
    """

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self.url = ""
        self.questions = self.answers = self.cuts = 0
        self._cut_question = self._cut_answer = 0
        #: Whether new connections are refused.
        self.refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._held = False

    def hold_answers(self) -> None:
        """Hold back the server's output on existing connections."""
        self._held = True

    def release(self) -> None:
        """Relay new connections normally."""
        self._held = False

    def cut_at_question(self, count: int) -> None:
        """Cut the connection instead of relaying the n-th further piece from the client."""
        self._cut_question = self.questions + count

    def cut_at_answer(self, count: int) -> None:
        """Cut the connection instead of relaying the n-th response: the statement was executed."""
        self._cut_answer = self.answers + count

    def cut_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _open(self):
        folder = parse_qs(self._there.query).get("host")
        if folder:
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._there.hostname, self._there.port or 5432)

    async def serve(self, reader, writer) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        there_reader, there_writer = await self._open()
        both = {writer, there_writer}
        self._writers |= both
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass_on(reader, there_writer, both, is_question=True))
                group.create_task(self._pass_on(there_reader, writer, both, is_question=False))
        finally:
            for one in both:
                one.transport.abort()
            self._writers -= both

    async def _pass_on(self, source, target, both, *, is_question):
        try:
            while data := await source.read(2**16):
                if self._is_to_be_cut(is_question=is_question):
                    self.cuts += 1
                    break
                if self._held and not is_question:
                    continue
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        for one in both:
            one.transport.abort()

    def _is_to_be_cut(self, *, is_question) -> bool:
        if is_question:
            self.questions += 1
            return self.questions == self._cut_question
        self.answers += 1
        return self.answers == self._cut_answer


@asynccontextmanager
async def cutting(url: str):
    """Yield a relay in front of a database."""
    cutter = Cutter(url)
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        await cutter.serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        there = urlsplit(url)
        login = there.netloc.rpartition("@")[0]
        cutter.url = f"postgresql://{login}@127.0.0.1:{port}{there.path}?sslmode=disable"
        yield cutter
        cutter.cut_all()
        await asyncio.gather(*tasks, return_exceptions=True)
