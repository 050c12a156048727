// What every kind of returner has to keep to: contract.cc. A kind takes part by a Backend and
//   INSTANTIATE_TEST_SUITE_P(Kafka, ReturnerContract, testing::Values(backend_kind<KafkaBackend>("kafka")), kind_name);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "returners/returner.h"

namespace brine::returners {

// The real thing that a returner of some kind writes to, or as near to it as a unit test can have it. One for each test.
class Backend {
 public:
  virtual ~Backend() = default;
  // A returner that writes there; null when it cannot be had.
  virtual std::unique_ptr<Returner> open() = 0;
  // The JSON of all records that have arrived, in the order in which a reader finds them. May wait for what is on its way.
  virtual std::vector<std::string> received() = 0;
  // Deliveries fail from now on, and reach it again afterwards; what has arrived stays.
  virtual void go_away() = 0;
  virtual void come_back() = 0;
  virtual bool opens_while_away() const { return true; }
  // One that it will never take, if there is such a thing.
  virtual std::optional<Record> unacceptable() { return std::nullopt; }
};

struct BackendKind {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;
};

inline void PrintTo(const BackendKind& kind, std::ostream* out) { *out << kind.name; }

template <typename Kind>
BackendKind backend_kind(std::string name) {
  return {std::move(name), [] { return std::make_unique<Kind>(); }};
}

inline std::string kind_name(const testing::TestParamInfo<BackendKind>& info) { return info.param.name; }

class ReturnerContract : public testing::TestWithParam<BackendKind> {
 protected:
  // Delivers until all are settled, as a drain does; false when they are not after a hundred times.
  static bool deliver_all(Returner& returner, std::vector<Record> records);

  std::unique_ptr<Backend> backend = GetParam().make();
};

}  // namespace brine::returners
