"""What this machine has: memory, the limit of a container, and GPUs. Asked when it is needed, never at the start.

NVIDIA tells by the library of its driver, Linux by files for AMD; on Apple's processors the GPU shares the memory. A
GPU that cannot be asked counts as none: then a verdict is too careful, never too bold. Nothing is changed or measured.
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from llamune.chat.fit import Gpu, Machine

NVML: Final = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
NAME_BYTES: Final = 96  # what NVML asks for
MOST_GPUS: Final = 64
CARDS: Final = Path("/sys/class/drm")
LIMITS: Final = (  # of a container: the limit, and what is used of it
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class _Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


def look() -> Machine:
    """This machine as it is now; zeros where it does not tell."""
    import psutil  # type: ignore[import-untyped]  # not needed before a list is shown

    try:
        memory = psutil.virtual_memory()
        total, free = memory.total, memory.available
    except (OSError, psutil.Error):
        return Machine()
    for limit, used in LIMITS:
        most, taken = _number(Path(limit)), _number(Path(used))
        if 0 < most < total:
            total, free = most, min(free, max(0, most - taken))
    return Machine(total, free, (*nvidia(_library(NVML)), *amd(CARDS), *_apple(total, free)))


def _library(name: str) -> Any:
    """A shared library, None where it is not installed."""
    try:
        return ctypes.CDLL(name)
    except OSError:
        return None


def nvidia(library: Any) -> Iterator[Gpu]:
    """By NVML, which comes with NVIDIA's driver. A card that does not answer is left out."""
    if not hasattr(library, "nvmlInit_v2") or library.nvmlInit_v2():
        return
    count = ctypes.c_uint()
    if not library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        for index in range(min(count.value, MOST_GPUS)):
            handle, name, memory = ctypes.c_void_p(), ctypes.create_string_buffer(NAME_BYTES), _Memory()
            if library.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)):
                continue
            library.nvmlDeviceGetName(handle, name, NAME_BYTES)
            if not library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)):
                yield Gpu(name.value.decode("utf-8", "replace") or "NVIDIA", memory.total, memory.free)
    library.nvmlShutdown()


def amd(cards: Path) -> Iterator[Gpu]:
    """By the files of Linux's driver."""
    for total in sorted(cards.glob("card*/device/mem_info_vram_total")):
        if size := _number(total):
            name = _text(total.with_name("product_name")) or "AMD"
            yield Gpu(name, size, max(0, size - _number(total.with_name("mem_info_vram_used"))))


def _apple(total: int, free: int) -> Iterator[Gpu]:
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        yield Gpu("Apple", total, free, unified=True)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int:
    text = _text(path)
    return int(text) if text.isascii() and text.isdecimal() else 0
