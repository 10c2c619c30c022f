"""What Metal recommends as the largest working set, asked through the Objective-C runtime; no command prints it.

Runs as a program of its own (`python -m kirikae.collect.metal`): a wrong call into a framework ends the process.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

# Without CoreGraphics in the process a program without windows gets no default device.
CORE_GRAPHICS = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics"
METAL = "/System/Library/Frameworks/Metal.framework/Metal"
OBJC = "/usr/lib/libobjc.A.dylib"
SELECTOR = b"recommendedMaxWorkingSetSize"


def read_working_set_bytes(load: Callable[[str], Any] = ctypes.CDLL) -> int:
    """0 without a device. Raises OSError where there is no Metal."""
    load(CORE_GRAPHICS)
    metal, objc = load(METAL), load(OBJC)
    metal.MTLCreateSystemDefaultDevice.restype = ctypes.c_void_p
    device = metal.MTLCreateSystemDefaultDevice()
    if not device:
        return 0
    objc.sel_registerName.restype, objc.sel_registerName.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    objc.objc_msgSend.restype, objc.objc_msgSend.argtypes = ctypes.c_uint64, [ctypes.c_void_p, ctypes.c_void_p]
    return int(objc.objc_msgSend(device, objc.sel_registerName(SELECTOR)))


if __name__ == "__main__":
    try:
        print(read_working_set_bytes())
    except OSError:
        sys.exit(1)
