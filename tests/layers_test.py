"""The dependency rule of the folders, read from the #include lines: dependencies point one way, libraries stay in one folder."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent

# What each folder may include besides itself.
ALLOWED = {
    "base": set(),
    "config": {"base"},
    "metrics": {"base"},
    "wire": {"base"},
    "net": {"base", "config", "metrics", "wire"},
    "target": {"base", "config", "metrics"},
    "store": {"base", "config", "metrics"},
    "mine": {"base", "target", "store"},
    "engine": {"base", "target", "store", "mine"},
    "returners": {"base", "config", "metrics", "target", "store"},
    "front": {"base", "config", "metrics", "wire", "net", "target", "store", "mine", "engine"},
}
BELOW_DAEMONS = set(ALLOWED)
ALLOWED["master"] = BELOW_DAEMONS
ALLOWED["syndic"] = BELOW_DAEMONS
ALLOWED["minion"] = BELOW_DAEMONS - {"engine", "front", "returners"}
ALLOWED["cli"] = BELOW_DAEMONS | {"minion"}
ALLOWED["loadtest"] = BELOW_DAEMONS | {"minion"}
ALLOWED["tests"] = set(ALLOWED)

# Single headers that a folder may include although the folder they lie in is not below it.
ALLOWED_HEADERS = {
    ("wire", "store/records.h"),  # the codec translates the records
    ("returners", "net/crypto.h"),  # webhook signs what it sends
}

# Which folders may include the headers of a library. Tests may include all of them.
LIBRARIES = [
    (r"yaml-cpp/", {"config"}),
    (r"(capnp|kj)/|.*\.capnp\.h$|zstd\.h$", {"wire"}),
    (r"zmq(_addon)?\.hp?p?$|openssl/", {"net"}),
    (r"sqlite3(ext)?\.h$|hiredis/", {"store"}),
    (r"prometheus/|civetweb\.h$|CivetServer\.h$", {"metrics"}),
    (r"librdkafka/", {"returners/kafka"}),
    (r"curl/", {"returners/webhook"}),
    (r"libpq", {"returners/postgres"}),
    (r"pcre2", {"target"}),
    (r"spdlog/", {"base"}),
    (r"CLI/", {"cli"}),
    (r"nlohmann/", {"target", "config", "mine", "minion", "cli", "engine", "master", "returners"}),
]

OUT_OF_TREE = Path("tests/plugin_example")  # built as somebody else would, with one header of ours

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)


def sources(top):
    for folder in sorted(ALLOWED):
        for path in sorted((top / folder).rglob("*")):
            inside = path.relative_to(top)
            if path.suffix in {".h", ".cc"} and not inside.is_relative_to(OUT_OF_TREE):
                yield inside


def complaint(path, quote, included):
    """What is wrong with this #include of the file at path, or None."""
    folder = path.parts[0]
    for pattern, homes in LIBRARIES:
        if re.match(pattern, included) and folder != "tests":
            if not any(path.is_relative_to(home) for home in homes):
                return f"only {', '.join(sorted(homes))} may use this library"
            return None
    if quote == "<" or included.endswith(".capnp.h"):
        return None
    target = included.split("/")[0]
    if "/" not in included or ".." in Path(included).parts or target not in ALLOWED:
        return "includes are written from the root of the project"
    if target == folder or target in ALLOWED[folder] or (folder, included) in ALLOWED_HEADERS:
        return None
    return f"{folder} may not include {target}"


def violations(top):
    found = []
    for path in sources(top):
        text = (top / path).read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            why = complaint(path, match.group(1), match.group(2))
            if why:
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path}:{line}: {match.group(2)}: {why}")
    return found


def test_dependencies_point_one_way_and_libraries_stay_in_their_folder():
    assert any(sources(TOP)), "no sources found"
    assert violations(TOP) == []


def test_the_table_has_no_cycle():
    settled = set()
    while len(settled) < len(ALLOWED):
        ready = {folder for folder, below in ALLOWED.items() if folder not in settled and below <= settled}
        assert ready, f"a cycle among {sorted(set(ALLOWED) - settled)}"
        settled |= ready


def plant(top, path, text):
    file = top / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    "path, line",
    [
        ("base/a.h", '#include "config/schema.h"'),
        ("engine/a.cc", '#include "wire/frame.h"'),
        ("engine/a.cc", '#include "net/crypto.h"'),
        ("wire/a.cc", '#include "store/state_store.h"'),
        ("store/a.cc", '#include "wire/frame.h"'),
        ("master/a.cc", '#include "minion/journal.h"'),
        ("minion/a.cc", '#include "master/master.h"'),
        ("minion/a.cc", '#include "engine/engine.h"'),
        ("front/deep/a.cc", '  #  include "master/master.h"'),
        ("cli/a.cc", '#include "master/master.h"'),
        ("master/a.cc", "#include <yaml-cpp/yaml.h>"),
        ("front/a.cc", '#include "session.capnp.h"'),
        ("front/a.cc", "#include <zmq.hpp>"),
        ("engine/a.cc", "#include <openssl/evp.h>"),
        ("engine/a.cc", "#include <sqlite3.h>"),
        ("master/a.cc", "#include <prometheus/registry.h>"),
        ("front/a.cc", "#include <civetweb.h>"),
        ("metrics/a.cc", '#include "engine/engine.h"'),
        ("engine/a.cc", '#include "metrics/registry.h"'),
        ("returners/file/a.cc", "#include <librdkafka/rdkafka.h>"),
        ("returners/redis/a.cc", "#include <curl/curl.h>"),
        ("returners/redis/a.cc", "#include <hiredis/hiredis.h>"),
        ("returners/a.cc", '#include "net/face.h"'),
        ("net/a.cc", "#include <nlohmann/json.hpp>"),
        ("config/a.cc", '#include "schema.h"'),
        ("config/a.cc", '#include "../base/result.h"'),
        ("config/a.cc", '#include "base/../net/crypto.h"'),
    ],
)
def test_a_planted_violation_is_found(tmp_path, path, line):
    plant(tmp_path, path, f"// first line\n{line}\n")
    found = violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{path}:2: ")


def test_what_is_allowed_is_not_found(tmp_path):
    plant(tmp_path, "base/a.h", "#include <string>\n#include <spdlog/spdlog.h>\n")
    plant(tmp_path, "wire/a.cc", '#include "store/records.h"\n#include "session.capnp.h"\n#include <capnp/message.h>\n')
    plant(tmp_path, "engine/a.cc", '#include "store/state_store.h"\n#include "engine/b.h"\n')
    plant(tmp_path, "metrics/a.cc", '#include "base/result.h"\n#include <prometheus/text_serializer.h>\n#include <civetweb.h>\n')
    plant(tmp_path, "returners/kafka/a.cc", "#include <librdkafka/rdkafka.h>\n")
    plant(tmp_path, "loadtest/a.cc", '#include "minion/agent.h"\n')
    plant(tmp_path, "tests/unit/net/a.cc", '#include "net/crypto.h"\n#include <openssl/evp.h>\n')
    plant(tmp_path, "build/a.cc", '#include "nowhere.h"\n')
    assert violations(tmp_path) == []
