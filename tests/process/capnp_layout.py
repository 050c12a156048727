"""A small Cap'n Proto codec for tests, independent of the product's: layouts are read from `capnp compile -ocapnp` of the schemas.

Messages are dictionaries. A union is the one key of it that is present. Encoding makes one segment; decoding takes one segment (what the
product sends) and checks bounds only as far as tests need.
"""

import re
import struct
import subprocess
from functools import lru_cache
from pathlib import Path

WIRE = Path(__file__).parents[2] / "wire"
INTEGERS = {"UInt8": "B", "UInt16": "H", "UInt32": "I", "UInt64": "Q", "Int32": "i", "Int64": "q"}


class Field:
    def __init__(self, name, type_, place, tag):
        self.name, self.type, self.tag = name, type_, tag
        pointer = re.fullmatch(r"ptr\[(\d+)\]", place)
        self.pointer = int(pointer.group(1)) if pointer else None
        bits = re.fullmatch(r"bits\[(\d+), (\d+)\)", place)
        self.bit = int(bits.group(1)) if bits else None


class Struct:
    def __init__(self, name, data_bytes, pointers):
        self.name, self.data_words, self.pointers = name, data_bytes // 8, pointers
        self.fields, self.tag_bit = [], None


@lru_cache
def schema(name):
    text = subprocess.run(
        ["capnp", "compile", f"--src-prefix={WIRE}", "-ocapnp", WIRE / f"{name}.capnp"], capture_output=True, text=True, check=True
    ).stdout
    structs, enums, current = {}, {}, None
    for other in set(re.findall(r'import "/(\w+)\.capnp"\.\w', text)):
        structs.update(schema(other)[0])
        enums.update(schema(other)[1])
    for line in re.sub(r'import "/\w+\.capnp"\.(?=\w)', "", text).splitlines():
        if match := re.match(r"struct (\w+) .*# (\d+) bytes, (\d+) ptrs", line):
            current = structs[match[1]] = Struct(match[1], int(match[2]), int(match[3]))
        elif match := re.match(r"enum (\w+)", line):
            enums[match[1]], current = [], match[1]
        elif match := re.search(r"union \{  # tag bits \[(\d+),", line):
            current.tag_bit = int(match[1])
        elif isinstance(current, str) and (match := re.match(r"  (\w+) @\d+;", line)):
            enums[current].append(match[1])
        elif match := re.match(r"\s+(\w+) @\d+ :([\w()]+).*;  # (.*?)(?:, union tag = (\d+))?$", line):
            current.fields.append(Field(match[1], match[2], match[3], int(match[4]) if match[4] else None))
    return structs, enums


class Encoder:
    def __init__(self, name):
        self.structs, self.enums = schema(name)
        self.words = bytearray(8)

    def allocate(self, size):
        at = len(self.words)
        self.words += bytes((size + 7) // 8 * 8)
        return at

    def message(self, type_, value):
        at = self.struct(type_, value)
        self.struct_pointer(0, at, self.structs[type_])
        return struct.pack("<II", 0, len(self.words) // 8) + bytes(self.words)

    def struct_pointer(self, place, target, layout):
        offset = (target - place) // 8 - 1
        struct.pack_into("<IHH", self.words, place, (offset << 2) & 0xFFFFFFFF, layout.data_words, layout.pointers)

    def list_pointer(self, place, target, size_code, count):
        offset = (target - place) // 8 - 1
        struct.pack_into("<II", self.words, place, ((offset << 2) | 1) & 0xFFFFFFFF, (count << 3) | size_code)

    def struct(self, type_, value, at=None):
        layout = self.structs[type_]
        if at is None:
            at = self.allocate((layout.data_words + layout.pointers) * 8)
        for field in layout.fields:
            if field.name in value:
                if field.tag is not None:
                    struct.pack_into("<H", self.words, at + layout.tag_bit // 8, field.tag)
                self.field(at, layout, field, value[field.name])
        return at

    def field(self, at, layout, field, value):
        if field.type == "Void":
            return
        if field.pointer is not None:
            return self.pointer(at + (layout.data_words + field.pointer) * 8, field.type, value)
        if field.type == "Bool":
            self.words[at + field.bit // 8] |= (1 if value else 0) << (field.bit % 8)
        elif field.type in self.enums:
            number = value if isinstance(value, int) else self.enums[field.type].index(value)
            struct.pack_into("<H", self.words, at + field.bit // 8, number)
        else:
            struct.pack_into("<" + INTEGERS[field.type], self.words, at + field.bit // 8, value)

    def pointer(self, place, type_, value):
        if type_ in ("Data", "Text"):
            raw = value if isinstance(value, bytes) else value.encode()
            raw += b"\0" if type_ == "Text" else b""
            at = self.allocate(len(raw))
            self.words[at : at + len(raw)] = raw
            self.list_pointer(place, at, 2, len(raw))
        elif type_.startswith("List("):
            self.list(place, type_[5:-1], value)
        else:
            self.struct_pointer(place, self.struct(type_, value), self.structs[type_])

    def list(self, place, type_, values):
        if type_ in INTEGERS:
            form = "<" + INTEGERS[type_]
            size = struct.calcsize(form)
            at = self.allocate(size * len(values))
            for i, value in enumerate(values):
                struct.pack_into(form, self.words, at + i * size, value)
            self.list_pointer(place, at, {1: 2, 2: 3, 4: 4, 8: 5}[size], len(values))
        elif type_ in ("Data", "Text"):
            at = self.allocate(8 * len(values))
            self.list_pointer(place, at, 6, len(values))
            for i, value in enumerate(values):
                self.pointer(at + 8 * i, type_, value)
        else:
            layout = self.structs[type_]
            words = layout.data_words + layout.pointers
            at = self.allocate(8 + 8 * words * len(values))
            struct.pack_into("<IHH", self.words, at, len(values) << 2, layout.data_words, layout.pointers)
            self.list_pointer(place, at, 7, words * len(values))
            for i, value in enumerate(values):
                self.struct(type_, value, at + 8 + 8 * words * i)


class Decoder:
    def __init__(self, name, data):
        self.structs, self.enums = schema(name)
        segments = struct.unpack_from("<I", data)[0] + 1
        assert segments == 1, "one segment is expected"
        self.words = data[8:]

    def message(self, type_):
        return self.pointer(0, type_)

    def struct(self, type_, at, data_words, pointers):
        layout, value = self.structs[type_], {}
        tag = struct.unpack_from("<H", self.words, at + layout.tag_bit // 8)[0] if layout.tag_bit is not None else None
        for field in layout.fields:
            if field.tag is not None and field.tag != tag:
                continue
            if field.type == "Void":
                value[field.name] = None
            elif field.pointer is not None:
                value[field.name] = self.pointer(at + (data_words + field.pointer) * 8, field.type) if field.pointer < pointers else None
            elif field.type == "Bool":
                value[field.name] = bool(self.words[at + field.bit // 8] >> (field.bit % 8) & 1)
            elif field.type in self.enums:
                value[field.name] = self.enums[field.type][struct.unpack_from("<H", self.words, at + field.bit // 8)[0]]
            else:
                value[field.name] = struct.unpack_from("<" + INTEGERS[field.type], self.words, at + field.bit // 8)[0]
        return value

    def pointer(self, place, type_):
        low, high = struct.unpack_from("<iI", self.words, place)
        if low == 0 and high == 0:
            return {"Data": b"", "Text": ""}.get(type_, [] if type_.startswith("List(") else {})
        at = place + 8 + (low >> 2) * 8
        if low & 3 == 0:
            return self.struct(type_, at, high & 0xFFFF, high >> 16)
        count = high >> 3
        if type_ == "Data":
            return bytes(self.words[at : at + count])
        if type_ == "Text":
            return bytes(self.words[at : at + count - 1]).decode()
        return self.list(at, type_[5:-1], count)

    def list(self, at, type_, count):
        if type_ in INTEGERS:
            return list(struct.unpack_from(f"<{count}{INTEGERS[type_]}", self.words, at))
        if type_ in ("Data", "Text"):
            return [self.pointer(at + 8 * i, type_) for i in range(count)]
        elements, data_words, pointers = struct.unpack_from("<IHH", self.words, at)
        step = (data_words + pointers) * 8
        return [self.struct(type_, at + 8 + i * step, data_words, pointers) for i in range(elements >> 2)]


def encode(schema_name, type_, value):
    return Encoder(schema_name).message(type_, value)


def decode(schema_name, type_, data):
    return Decoder(schema_name, data).message(type_)
