// What every StateStore owes, in executable form (store/state_store.h says it in words).
//
// A backend's test program compiles contract*.cc, and instantiates:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreBackend{"sqlite", make_home}), backend_name);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "store/records.h"
#include "store/state_store.h"

namespace brine::store {

// A place where one store lives, empty at first. Destroying it destroys the store.
class StoreHome {
 public:
  virtual ~StoreHome() = default;
  virtual StateStore& store() = 0;
  // Closes the store in good order and opens it again, as a restarted master does. References from store() end.
  virtual void restart() = 0;
};

struct StoreBackend {
  std::string name;
  std::function<std::unique_ptr<StoreHome>()> make_home;
};

inline void PrintTo(const StoreBackend& backend, std::ostream* out) { *out << backend.name; }
inline std::string backend_name(const testing::TestParamInfo<StoreBackend>& info) { return info.param.name; }

// ---- records for tests ----------------------------------------------------------------------------------------------------

JobId jid_number(int number);  // rises with the number; 1 and up
MinionId minion(std::string_view id);
std::vector<MinionId> minions(std::initializer_list<std::string_view> ids);
SubmissionId submission(int number);

// A job with every field set, submission(number), expecting these minions.
JobRecord make_job(int number, std::vector<MinionId> expected);
ReturnRecord make_return(int job, std::string_view from, std::string payload = R"({"ok":true})");

// ---- the suite ------------------------------------------------------------------------------------------------------------

class StoreContract : public testing::TestWithParam<StoreBackend> {
 protected:
  StoreContract() : home_(GetParam().make_home()) {}

  StateStore& store() { return home_->store(); }
  void restart() { home_->restart(); }

  // These fail the test when the store does.
  CommitOutcome commit(const Batch& batch);
  JobResult publish(const JobRecord& job);
  ReturnResult add(const ReturnRecord& value);
  std::size_t expire(UnixMicros now, const std::vector<std::string>& returners = {"kafka"}, std::size_t max_jobs = 1000,
                     UnixMicros outbox_before = 0);
  void acknowledge(const std::string& returner, std::uint64_t position);
  JobSummary newest_job();

 private:
  std::unique_ptr<StoreHome> home_;
};

// The value of a Result; fails the test if it is an error.
template <typename T>
T value_of(Result<T> result) {
  if (result) return std::move(*result);
  ADD_FAILURE() << result.error().message;
  return T{};
}

}  // namespace brine::store
