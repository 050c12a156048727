// The simulated store keeps the promises of a store: else the simulation would show nothing.
#include "tests/simulation/shared_memory.h"

#include "tests/unit/engine/fake_clock.h"
#include "tests/unit/store/contract.h"

namespace brine::simulation {
namespace {

class MemoryHome final : public store::StoreHome {
 public:
  MemoryHome() {
    static std::uint64_t number = 0;
    server_.epoch = ++number;
    restart();
  }
  store::StateStore& store() override { return *client_; }
  void restart() override {
    client_ = std::make_unique<SharedMemoryClient>(server_, 1, [] { return Fault::kNone; });
  }

 private:
  FakeClock clock_;
  SharedMemory server_{clock_};
  std::unique_ptr<SharedMemoryClient> client_;
};

}  // namespace
}  // namespace brine::simulation

namespace brine::store {

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         testing::Values(StoreBackend{"memory", [] { return std::make_unique<simulation::MemoryHome>(); }}), backend_name);

}  // namespace brine::store
