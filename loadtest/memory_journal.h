// The minion's journal without a disk: the same rules as the file's, kept as long as this object. What a sync would have made durable is
// counted as if it were, so that figures with it are to be called "not synced".
//
// A simulated minion that restarts keeps its journal object: this is a process that was killed on a machine that was not.
#pragma once

#include <memory>

#include "minion/journal.h"

namespace brine::loadtest {

struct MemoryJournalOptions {
  std::uint64_t max_bytes = 256U << 20;  // bound of stored outcomes and records that still matter
};

std::unique_ptr<minion::Journal> make_memory_journal(const MemoryJournalOptions& options = {});

}  // namespace brine::loadtest
