"""Replies on disk, found again by what was asked: a run that is started again pays nothing twice.

An entry is a file named by the hash of model, messages, sampling and schema, and holds the reply
alone: neither prompts nor keys. Files are written whole or not at all, and several processes may
share a folder. Those unused for longest go when the folder outgrows its bound."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from egca.errors import InputError
from egca.files import reason_of, write_whole
from egca.prompts import Message
from egca.providers.chat import ChatModel, Reply, Sampling, Schema, Usage
from egca.providers.wrappers import Wrapper, whole

MAX_BYTES = 1 << 30
VERSION = 1  # of what is hashed and written
_ROOM = 0.9  # of the bound is left when room was made
_SHARE = 64  # room is looked for when this share of the bound was written since


def replies_folder() -> Path:
    """Where replies are kept: $XDG_CACHE_HOME/egca/replies, ~/.cache/egca/replies by default."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "egca" / "replies"


class ReplyCache:
    """A folder of replies of at most about max_bytes. No fault of the disk is one of a call."""

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        if max_bytes < 1:
            raise InputError(f"the cache's bound is {max_bytes}, but must be at least 1 byte")
        self.folder = folder
        self.max_bytes = max_bytes
        self._n_written = max_bytes  # so that the first entry looks for room
        self._has_complained = False

    def get(self, key: str) -> Reply | None:
        """The reply of a key, and from now on it is the one used last."""
        path = self._path(key)
        try:
            row = json.loads(path.read_bytes())
            if row["logprobs"] is not None:
                row["logprobs"] = tuple(row["logprobs"])
            reply = Reply(**row)
        except (OSError, ValueError, TypeError, KeyError):
            return None  # none there, or of another release
        with contextlib.suppress(OSError):
            os.utime(path)
        return reply

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        path = self._path(key)
        data = json.dumps(asdict(reply)).encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data, mode=0o600)
            self._make_room(len(data))
        except OSError as error:
            if not self._has_complained:
                logging.getLogger(__name__).warning(
                    "egca: note: replies are not kept: %s: %s", self.folder, reason_of(error)
                )
            self._has_complained = True

    def _make_room(self, n_bytes: int) -> None:
        self._n_written += n_bytes
        if self._n_written < self.max_bytes / _SHARE:
            return
        self._n_written = 0
        entries: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):  # another process made room meanwhile
                found = path.stat()
                entries.append((found.st_mtime, found.st_size, path))
        total = sum(size for _, size, _ in entries)
        if total <= self.max_bytes:
            return
        for _, size, path in sorted(entries):
            if total <= self.max_bytes * _ROOM:
                return
            with contextlib.suppress(OSError):
                path.unlink()
            total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


class Cached(Wrapper):
    """A model that is asked only what it has not answered before."""

    def __init__(self, inner: ChatModel, store: ReplyCache, usage: Usage | None = None) -> None:
        super().__init__(inner, usage)
        self.store = store

    async def _ask(
        self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None
    ) -> Reply:
        key = self.key_of(messages, sampling, schema)
        found = self._found(key)
        if found is not None:
            return found
        reply = await self.inner.acomplete(messages, sampling, schema)
        self.store.put(key, reply)
        return reply

    def complete_many(
        self,
        batch: Sequence[Sequence[Message]],
        sampling: Sampling,
        schema: Schema | None = None,
    ) -> list[Reply]:
        """Replies in order; a model in this process gets those that are missing as one batch."""
        if self.is_remote:
            return super().complete_many(batch, sampling, schema)
        keys = [self.key_of(messages, sampling, schema) for messages in batch]
        found = {key: self._found(key) for key in keys}
        asked = {key: messages for key, messages in zip(keys, batch, strict=True) if not found[key]}
        replies = whole(self.inner, list(asked.values()), sampling, schema) if asked else []
        for key, reply in zip(asked, replies, strict=True):
            self.store.put(key, reply)
            found[key] = reply
        return [kept for key in keys if (kept := found[key]) is not None]

    def key_of(self, messages: Sequence[Message], sampling: Sampling, schema: Schema | None) -> str:
        """The hash that a reply is found by."""
        asked = {
            "version": VERSION,
            "model": self.identity,
            "messages": [[turn.role, turn.content] for turn in messages],
            "sampling": asdict(sampling),
            "schema": schema,
        }
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def _found(self, key: str) -> Reply | None:
        found = self.store.get(key)
        if found is None:
            return None
        reply = replace(found, model=self.name, is_cached=True, seconds=0.0)
        if reply.cost_usd is not None:
            reply = replace(reply, cost_usd=0.0)
        self.usage.count(reply)
        return reply


def cached(model: ChatModel, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> Cached:
    """Keep a model's replies in a folder, replies_folder() by default, of about max_bytes."""
    return Cached(model, ReplyCache(folder or replies_folder(), max_bytes))
