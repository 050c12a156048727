// Any bytes as the file of a minion's journal. It is opened, cut or put aside; what is then in it stays, and it takes new jobs.
// An even first byte: the rest is the file. An odd one: the rest is made into intact records behind a header, so that what is behind the
// checksum is tried too: {type, size of the body, body} each.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "minion/journal.h"
#include "minion/journal_record.h"

namespace {

using namespace brine;
using namespace brine::minion;

std::string make_folder() {
  if (!log::open("journal_fuzz", log::Level::kQuiet, "")) std::abort();
  std::string folder = std::string(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp") + "/brine-journal-fuzz-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  return folder;
}

// Removes what lies in it at the end of the program too.
struct Folder {
  std::string path = make_folder();
  std::string journal() const { return path + "/journal"; }
  ~Folder() {
    ::unlink(journal().c_str());
    ::rmdir(path.c_str());
  }
};

std::string intact_records(std::string_view plan) {
  std::string file;
  append_record(file, HeaderRecord{});
  while (plan.size() >= 2) {
    const std::string_view body = plan.substr(2, static_cast<std::uint8_t>(plan[1]));
    std::string typed(1, plan[0]);
    typed += body;
    append_le(file, static_cast<std::uint32_t>(body.size()));
    append_le(file, crc32c(typed));
    file += typed;
    plan.remove_prefix(2 + body.size());
  }
  return file;
}

std::unique_ptr<Journal> opened(const std::string& path) {
  auto journal = open_file_journal({path, 1U << 20, "boot"});
  if (journal) return std::move(*journal);
  // The only reason that bytes can be for refusing to start.
  if (journal.error().code != Code::kUnsupported) std::abort();
  return nullptr;
}

std::vector<std::string> told(const Journal& journal) {
  std::vector<std::string> all{std::to_string(journal.epoch()), std::to_string(journal.birth())};
  for (const JournalEntry* entry : journal.unfinished())
    all.push_back(entry->jid.str() + " " + std::to_string(entry->not_after) + " " + std::to_string(entry->commands.size()));
  for (const JournalEntry* entry : journal.unacknowledged())
    all.push_back(entry->jid.str() + " " + std::to_string(entry->not_after) + " " + entry->outcome);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  const std::string path = folder.journal();
  std::string_view input(reinterpret_cast<const char*>(data), size);
  const bool as_records = !input.empty() && (input[0] & 1) != 0;
  if (!input.empty()) input.remove_prefix(1);
  ::unlink(path.c_str());
  if (!create_file(path, as_records ? intact_records(input) : std::string(input), 0600)) std::abort();

  auto journal = opened(path);
  if (!journal) return 0;
  if (!journal->put_aside().empty()) ::unlink(journal->put_aside().c_str());
  const JobId jid = job_id_at(1'700'000'000'000'000);
  if (const auto begun = journal->begun(jid, 1, "hash"); !begun && begun.error().code != Code::kExists) std::abort();
  if (const auto done = journal->done(jid, 1, "outcome"); !done && done.error().code != Code::kExists) std::abort();
  if (journal->find(jid) == nullptr || !journal->sync()) std::abort();
  const auto before = told(*journal);
  const auto sequence = journal->sequence();
  journal.reset();
  journal = opened(path);
  if (!journal || !journal->put_aside().empty() || told(*journal) != before || journal->sequence() != sequence) std::abort();
  return 0;
}
