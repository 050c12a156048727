// What would have to be undone if the machine lost its power now: one log per file for its bytes, one per folder for its names.
//
// A log is a file in the sidecar folder, <device>-<inode>.undo, a sequence of records {u32 length, UndoRecord header, text}. A record
// is written before the change it undoes, in one write(); a torn one at the end therefore belongs to a change that never happened.
// A sync empties the log of that file or folder. All functions use system calls directly, so that they are not intercepted.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace brine::lossy_disk {

enum class Kind : std::uint32_t {
  kBytes = 1,   // of a file: put `bytes` back at `offset`, then cut or extend to `size`
  kCreate = 2,  // of a folder: remove `path`
  kUnlink = 3,  // of a folder: move `saved` to `path`
  kRename = 4,  // of a folder: move `path` back to `old_path`; then, if there is one, `saved` to `path`
};

struct UndoRecord {
  Kind kind = Kind::kBytes;
  std::uint64_t order = 0;  // rises over all logs of all processes
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string bytes;
  std::string path;
  std::string old_path;
  std::string saved;
};

struct FileKey {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  auto operator<=>(const FileKey&) const = default;
};

FileKey key_of(const struct stat& info);
std::string log_path(const std::string& sidecar, FileKey key);
bool parse_log_path(std::string_view name, FileKey& key);

std::uint64_t next_order();

// False if the record could not be written; the change must then fail too.
bool append(const std::string& log, const UndoRecord& record);
// Takes the last record back, when the change it announced was refused.
void drop_last(const std::string& log, const UndoRecord& record);
// Whole records; stops at a torn one. None if there is no such log.
std::vector<UndoRecord> read_log(const std::string& log);
void clear(const std::string& log);

}  // namespace brine::lossy_disk
