"""Several processes that train one policy: what they sum, gather and agree on.

`accelerate launch -m egca train ...` (or torchrun) starts them, on one machine or several that
share a file system. Each takes its part of a step's prompts and judges with processes of its own;
the gradient is that of the whole step. Weights are whole in each process (DDP) or in shards (FSDP2,
where accelerate is told to use FSDP). In shards, each process keeps one whole copy beside its own,
of the weights only, to sample from: what FSDP saves are gradients and the optimizer's state. Both
are tested with two processes on the CPU. One process is a world of its own, in which nothing below
communicates."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """This process among those of the run.

    rank: its number, 0 writes the files. device: None where the one process may choose.
    is_sharded: whether weights are spread over the processes.
    """

    rank: int = 0
    n: int = 1
    device: torch.device | None = None
    is_sharded: bool = False

    @property
    def is_main(self) -> bool:
        """Whether this process writes what the run leaves."""
        return self.rank == 0

    def total(self, *values: int) -> list[int]:
        """Sums over the processes."""
        return [sum(column) for column in zip(*self.gather(values), strict=True)]

    def most(self, value: int) -> int:
        """The largest over the processes."""
        return max(self.gather(value))

    def gather(self, value: T) -> list[T]:
        """What each process has, in order of rank; the same list in all of them."""
        if self.n == 1:
            return [value]
        found: list[Any] = [None] * self.n
        dist.all_gather_object(found, value)
        return found

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's part: every n-th."""
        return list(items[self.rank :: self.n])

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run the block in the main process, then in the others, which find what it has made."""
        if not self.is_main:
            self.gather(None)
        yield
        if self.is_main:
            self.gather(None)

    def close(self) -> None:
        """Leave the others, at the end."""
        if self.n > 1:
            dist.destroy_process_group()


def open_world() -> World:
    """The processes that a launcher has started, or this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return World()
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    is_cpu = parse_flag_from_env("ACCELERATE_USE_CPU") or not torch.cuda.is_available()
    state = PartialState(cpu=is_cpu)
    return World(
        state.process_index,
        state.num_processes,
        state.device,
        parse_flag_from_env("ACCELERATE_USE_FSDP"),
    )


class Replica:
    """A module in training, as this process has it.

    Args:
        whole: the module; it stays whole, and in a world of shards a copy of it is trained.
    """

    def __init__(self, whole: nn.Module, world: World | None = None) -> None:
        self.world = world or World()
        self._whole = whole
        self._inner = whole
        self.module = whole
        if self.world.n > 1 and self.world.is_sharded:
            self._inner = self.module = _sharded(copy.deepcopy(whole), self.world)
        elif self.world.n > 1:
            assert self.world.device is not None
            devices = None if self.world.device.type == "cpu" else [self.world.device]
            with warnings.catch_warnings():  # the successor of the option is not in torch 2.6
                warnings.simplefilter("ignore", FutureWarning)
                self.module = nn.parallel.DistributedDataParallel(
                    whole, device_ids=devices, broadcast_buffers=False
                )

    @property
    def named(self) -> dict[str, nn.Parameter]:
        """What is trained, by name: parameters, or this process's shards of them."""
        return {name: p for name, p in self._inner.named_parameters() if p.requires_grad}

    def evened(self, batches: Sequence[T], at_least: int = 0) -> list[T | None]:
        """The batches, and as many None behind as the process with the most has more.

        A forward pass is a meeting of all processes where weights are in shards, a backward pass in
        any case: a process that took fewer would leave the others waiting.
        """
        if self.world.n == 1:
            return list(batches)
        n = max(self.world.most(len(batches)), at_least)
        return [*batches, *[None] * (n - len(batches))]

    def syncing(self, is_last: bool) -> Any:
        """Around a forward and backward pass; gradients of whole weights are averaged once."""
        if isinstance(self.module, nn.parallel.DistributedDataParallel) and not is_last:
            return self.module.no_sync()
        return nullcontext()

    def weights(self) -> dict[str, Tensor]:
        """What is trained, whole and on the CPU."""
        return {name: whole(p.detach()).cpu() for name, p in self.named.items()}

    @torch.no_grad()
    def load(self, weights: dict[str, Tensor]) -> None:
        """Take over weights that `weights` has given."""
        mine = self.named
        for name, tensor in weights.items():
            mine[name].copy_(spread(tensor, mine[name]))
        self.publish()

    @torch.no_grad()
    def publish(self) -> None:
        """Bring the whole module, which others sample from, up to date."""
        if self._inner is not self._whole:
            theirs = dict(self._whole.named_parameters())
            for name, p in self.named.items():
                theirs[name].copy_(whole(p))


def whole(tensor: Tensor) -> Tensor:
    """A tensor with the shards of all processes; every one of them has to ask."""
    from torch.distributed.tensor import DTensor

    if isinstance(tensor, DTensor):
        return tensor.full_tensor()
    return tensor


def spread(tensor: Tensor, like: Tensor) -> Tensor:
    """This process's shard of a tensor that all have, where `like` is in shards."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(like, DTensor):
        place = tensor.to(like.device)
        return distribute_tensor(place, like.device_mesh, like.placements)
    return tensor


def _sharded(module: nn.Module, world: World) -> nn.Module:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    assert world.device is not None
    mesh = init_device_mesh(world.device.type, (world.n,))
    blocks = {
        name for m in module.modules() for name in getattr(m, "_no_split_modules", None) or ()
    }
    for inner in list(module.modules()):
        if type(inner).__name__ in blocks:
            fully_shard(inner, mesh=mesh)
    fully_shard(module, mesh=mesh)
    return module
