"""Several processes that train one policy: what they sum, gather and agree on.

`accelerate launch -m egca train ...` (or torchrun) starts them, on one machine or several that
share a file system. Each takes its part of a step's prompts and judges with processes of its own;
the gradient is that of the whole step. Weights are whole in each process, which average their
gradients once for each update (data parallel), or in shards (FSDP2, where accelerate is told to use
FSDP). In shards, each process keeps one whole copy beside its own, of the weights only, to sample
from: what FSDP saves are gradients and the optimizer's state. Both are tested with two processes on
the CPU. One process is a world of its own, in which nothing below communicates.

Where a model is in bfloat16, what is trained are float32 masters of its weights: a step of a usual
learning rate is less than the distance to the next bfloat16 number, and would be rounded away."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

    Its passes are in the module's own dtype. Gradients are summed up in float32, over micro-batches
    and over processes, and it is float32 weights that the optimizer changes: `named`, by name, or
    this process's shards of them.

    Args:
        whole: the module; it stays whole, and in a world of shards a copy of it is trained.
    """

    def __init__(self, whole: nn.Module, world: World | None = None) -> None:
        self.world = world or World()
        self._whole = whole
        self._is_sharded = self.world.n > 1 and self.world.is_sharded
        self.module = _sharded(whole, self.world) if self._is_sharded else whole
        self._inner = {n: p for n, p in self.module.named_parameters() if p.requires_grad}
        self.named = {name: _master(p) for name, p in self._inner.items()}

    def evened(self, batches: Sequence[T]) -> list[T | None]:
        """The batches, and as many None behind as the process with the most has more.

        A pass is a meeting of all processes where weights are in shards: a process that took fewer
        would leave the others waiting.
        """
        if not self._is_sharded:
            return list(batches)
        return [*batches, *[None] * (self.world.most(len(batches)) - len(batches))]

    @contextmanager
    def scoring(self) -> Iterator[None]:
        """Around passes whose numbers are kept: without gradient, and without dropout."""
        was_training = self.module.training
        self.module.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.module.train(was_training)

    def average(self) -> None:
        """Put the gradients of all processes together; once for each update, in all of them."""
        if self.world.n == 1 or self._is_sharded:
            return  # where weights are in shards, the backward pass has done it
        if not self.world.most(any(p.grad is not None for p in self.named.values())):
            return
        for p in self.named.values():
            if p.grad is None:  # no row of this process
                p.grad = torch.zeros_like(p)
            dist.all_reduce(p.grad)
            p.grad /= self.world.n

    @torch.no_grad()
    def round_off(self) -> None:
        """After a step: give the module the masters' new weights, in its own dtype."""
        for name, p in self._inner.items():
            if self.named[name] is not p:
                p.copy_(self.named[name])

    def weights(self) -> dict[str, Tensor]:
        """What is trained, whole and on the CPU."""
        return {name: whole(p.detach()).cpu() for name, p in self.named.items()}

    @torch.no_grad()
    def load(self, weights: dict[str, Tensor]) -> None:
        """Take over weights that `weights` has given."""
        for name, tensor in weights.items():
            self.named[name].copy_(spread(tensor, self.named[name]))
        self.round_off()
        self.publish()

    @torch.no_grad()
    def publish(self) -> None:
        """Bring the whole module, which others sample from, up to date."""
        if self._is_sharded:
            theirs = dict(self._whole.named_parameters())
            for name, p in self.named.items():
                theirs[name].copy_(whole(p))


def _master(parameter: nn.Parameter) -> nn.Parameter:
    """The float32 weights behind a parameter, itself where it is no less precise.

    Its gradient is moved there as soon as a backward pass has it, so that a sum over micro-batches
    is one of float32, and no second gradient is kept.
    """
    if not _is_coarse(parameter):
        return parameter
    master = nn.Parameter(parameter.detach().float())

    def take(parameter: Tensor) -> None:
        gradient = parameter.grad
        assert gradient is not None
        master.grad = gradient.float() if master.grad is None else master.grad.add_(gradient)
        parameter.grad = None

    parameter.register_post_accumulate_grad_hook(take)
    return master


def _is_coarse(tensor: Tensor) -> bool:
    return bool(torch.finfo(tensor.dtype).bits < 32)


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


def _sharded(whole: nn.Module, world: World) -> nn.Module:
    """A copy with float32 weights in shards, which are gathered in the dtype of the whole."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    assert world.device is not None
    mesh = init_device_mesh(world.device.type, (world.n,))
    module, precision = copy.deepcopy(whole), MixedPrecisionPolicy()
    first = next(whole.parameters())
    if _is_coarse(first):
        module = module.float()
        precision = MixedPrecisionPolicy(param_dtype=first.dtype, reduce_dtype=torch.float32)
    blocks = {
        name for m in module.modules() for name in getattr(m, "_no_split_modules", None) or ()
    }
    for inner in list(module.modules()):
        if type(inner).__name__ in blocks:
            fully_shard(inner, mesh=mesh, mp_policy=precision)
    fully_shard(module, mesh=mesh, mp_policy=precision)
    return module
