"""A wall clock that jumps and a disk that is slow to sync, of one daemon: see trouble.cc."""

import mmap
import struct

from fleet import BIN

LIBRARY = BIN / "chaos_trouble.so"  # not with sanitizers: they want to be loaded first
MICROS = 1_000_000


class Trouble:
    def __init__(self, path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(16))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 16)

    @property
    def env(self):
        return {"LD_PRELOAD": str(LIBRARY), "CHAOS_TROUBLE": str(self.path)}

    @property
    def wrapper(self):
        return ("env", *(f"{name}={value}" for name, value in self.env.items()))

    def jump(self, seconds):
        self.page[:8] = struct.pack("=q", int(seconds * MICROS))

    def slow(self, seconds):
        self.page[8:] = struct.pack("=q", int(seconds * MICROS))
