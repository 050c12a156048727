#include "syndic/spool_writer.h"

#include <map>
#include <utility>

#include "base/log.h"
#include "base/thread.h"

namespace brine::syndic {
namespace {

constexpr std::size_t kQueue = 4'096;        // entries: one for each turn of a network loop, and each message from above
constexpr std::size_t kMaxWaiting = 65'536;  // returns
constexpr std::size_t kEntriesTogether = 512;
constexpr std::size_t kErasedTogether = 4'096;
constexpr seconds kEraseWithin{1};
constexpr milliseconds kTurn{100};
constexpr milliseconds kAfterFailure{500};

}  // namespace

SpoolWriter::SpoolWriter(store::ReturnSpool& spool, engine::Gateway& gateway, std::function<void(std::vector<store::SpooledReturn>)> stored)
    : spool_(spool), gateway_(gateway), stored_(std::move(stored)), queue_(kQueue) {}

SpoolWriter::~SpoolWriter() { stop(); }

void SpoolWriter::start() {
  thread_ = start_thread("spool", [this](const std::stop_token& stop) { run(stop); });
}

void SpoolWriter::stop() {
  queue_.close();
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

bool SpoolWriter::has_room(std::size_t returns) const {
  return queue_.size() < kQueue && (waiting_ == 0 || waiting_ + returns <= kMaxWaiting);
}

void SpoolWriter::add(std::vector<ArrivedReturn> returns) {
  waiting_ += returns.size();
  queue_.try_push({std::move(returns), {}});
}

// One that finds no room is erased when it is acknowledged again, after the next restart at the latest.
void SpoolWriter::erase(std::vector<std::uint64_t> positions) { queue_.try_push({{}, std::move(positions)}); }

void SpoolWriter::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) turn(kTurn);
  while (queue_.size() > 0) turn(milliseconds(0));
  std::vector<ArrivedReturn> none;
  if (!erased_.empty()) write(none, erased_);
}

void SpoolWriter::turn(milliseconds longest) {
  counters_.turns.fetch_add(1, std::memory_order_relaxed);
  std::vector<ArrivedReturn> returns;
  for (Entry& entry : queue_.pop_batch(kEntriesTogether, longest)) {
    std::move(entry.returns.begin(), entry.returns.end(), std::back_inserter(returns));
    if (erased_.empty() && !entry.erased.empty()) erase_by_ = std::chrono::steady_clock::now() + kEraseWithin;
    erased_.insert(erased_.end(), entry.erased.begin(), entry.erased.end());
  }
  const bool erase_now = erased_.size() >= kErasedTogether || (!erased_.empty() && std::chrono::steady_clock::now() >= erase_by_);
  if (returns.empty() && !erase_now) return;
  while (!write(returns, erased_) && !queue_.closed()) std::this_thread::sleep_for(kAfterFailure);
  waiting_ -= returns.size();
}

// Full: what masters acknowledge makes room; it is kept until then, and network loops stop reading meanwhile.
bool SpoolWriter::write(std::vector<ArrivedReturn>& returns, const std::vector<std::uint64_t>& erased) {
  std::vector<store::SpooledReturn> values;
  values.reserve(returns.size());
  for (const ArrivedReturn& value : returns) values.push_back(value.value);
  auto written = spool_.write(values, erased);
  if (!written) {
    counters_.failures.fetch_add(1, std::memory_order_relaxed);
    if (std::exchange(trouble_, written.error().message) != written.error().message) log::error("{}", written.error().message);
    std::vector<store::SpooledReturn> none;
    if (written.error().code == Code::kFull && !erased.empty() && spool_.write(none, erased)) erased_.clear();
    if (written.error().code != Code::kFull) {
      if (auto opened = spool_.reopen(); !opened) log::debug("{}", opened.error().message);
    }
    // Erasures that wait in the queue are what makes room.
    for (Entry& entry : queue_.pop_batch(kEntriesTogether, milliseconds(0))) {
      std::move(entry.returns.begin(), entry.returns.end(), std::back_inserter(returns));
      erased_.insert(erased_.end(), entry.erased.begin(), entry.erased.end());
    }
    return false;
  }
  trouble_.clear();
  counters_.batches.fetch_add(1, std::memory_order_relaxed);
  counters_.written.fetch_add(returns.size(), std::memory_order_relaxed);
  erased_.clear();
  acknowledge(returns);
  if (!values.empty()) stored_(std::move(values));
  return true;
}

void SpoolWriter::acknowledge(const std::vector<ArrivedReturn>& returns) {
  std::map<engine::SessionRef, engine::Gateway::Acknowledgement> by_session;
  for (const ArrivedReturn& value : returns) {
    auto& acknowledgement = by_session[value.session];
    acknowledgement.session = value.session;
    acknowledgement.jids.push_back(value.value.record.jid);
  }
  std::vector<engine::Gateway::Acknowledgement> list;
  list.reserve(by_session.size());
  for (auto& [session, acknowledgement] : by_session) list.push_back(std::move(acknowledgement));
  if (!list.empty()) gateway_.acknowledge(std::move(list));
}

}  // namespace brine::syndic
