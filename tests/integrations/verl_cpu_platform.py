"""A platform of verl's for machines without an accelerator, so that its FSDP engine trains on
processor cores: verl 0.9.1 ships CUDA, ROCm and NPU, and a registry for others. For tests only.

Loaded by VERL_USE_EXTERNAL_MODULES in every process, chosen by VERL_PLATFORM=processor."""

from __future__ import annotations

from contextlib import contextmanager
from types import ModuleType

import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry


class _Module(ModuleType):
    """torch.cpu, with the questions about memory that verl asks of a device."""

    def __getattr__(self, name):
        if name == "get_device_name":
            return lambda *device: "CPU"
        if name == "mem_get_info":
            return lambda *device: (0, 0)
        if name.startswith(("max_memory", "memory_")):
            return lambda *device: 0
        if name in ("empty_cache", "ipc_collect", "manual_seed", "reset_peak_memory_stats"):
            return lambda *device: None
        return getattr(torch.cpu, name)


@PlatformRegistry.register(platform="processor")
class PlatformProcessor(PlatformBase):
    device_name = "cpu"
    vendor_name = "processor"
    device_module = _Module("processor")

    def is_available(self):
        return True

    def current_device(self):
        return torch.device("cpu")

    def device_count(self):
        return 1

    def set_device(self, device_index):
        pass

    def synchronize(self, device_index=None):
        pass

    def manual_seed(self, seed):
        torch.manual_seed(seed)

    def manual_seed_all(self, seed):
        torch.manual_seed(seed)

    def set_allocator_settings(self, settings):
        pass

    def empty_cache(self):
        pass

    def get_device_capability(self, device_index=0):
        return None, None

    def communication_backend_name(self):
        return "gloo"

    def visible_devices_envvar(self):
        return "CUDA_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg):
        yield

    def profiler_start(self):
        pass

    def profiler_stop(self):
        pass

    def ray_resource_name(self):
        return "processor"

    def ray_noset_envvars(self):
        return []

    def is_ipc_supported(self):
        return False

    def cudart(self):
        return None
