#include "tests/simulation/model_operator.h"

#include "tests/simulation/world.h"

namespace brine::simulation {
namespace {

constexpr milliseconds kPatience{4'000};
constexpr milliseconds kLookEvery{250};

}  // namespace

class ModelOperator::Watch final : public engine::Watcher {
 public:
  Watch(ModelOperator& to, std::uint64_t attempt) : to_(to), attempt_(attempt) {}

  void returned(const store::ReturnRecord& record) override {
    if (!gone()) to_.seen().returned[record.minion].insert(record.payload);
  }
  void finished(const std::vector<engine::MissingMinion>& missing) override {
    if (gone()) return;
    to_.seen().finished = true;
    for (const engine::MissingMinion& one : missing) to_.seen().missing.insert(one.id);
  }
  bool gone() const override { return to_.attempt_ != attempt_; }

 private:
  ModelOperator& to_;
  const std::uint64_t attempt_;
};

ModelOperator::ModelOperator(World& world, int number, std::set<MinionId> meant, bool long_lived) : world_(world), number_(number) {
  Submitted& submitted = seen();
  submitted.number = number;
  submitted.expected = std::move(meant);
  submitted.long_lived = long_lived;
}

Submitted& ModelOperator::seen() const { return world_.history.submissions[number_]; }

void ModelOperator::try_again(std::uint64_t attempt) {
  world_.time.after(world_.time.between(milliseconds(50), milliseconds(500)), [this, attempt] {
    if (attempt == attempt_ && !finished()) try_somewhere();
  });
}

void ModelOperator::try_somewhere() {
  const std::uint64_t attempt = ++attempt_;
  answered_ = false;
  attempted_ = world_.time.now();
  const std::size_t at = world_.time.below(world_.masters.size());
  SimulatedMaster& master = *world_.masters[at];
  if (!master.alive()) return try_again(attempt);
  engine::Submission submission;
  submission.id = engine::submission_number(number_);
  submission.target_kind = "list";
  for (const MinionId& id : seen().expected) submission.target += (submission.target.empty() ? "" : ",") + id.str();
  submission.function = "cmd.run";
  submission.arguments = R"({"args":[],"kwargs":{}})";
  if (seen().long_lived) submission.expires = seconds(3'600);
  master.engine()->submit(
      std::move(submission), std::make_shared<Watch>(*this, attempt), [this, attempt](Result<engine::Submitted> result) {
        if (result) seen().jids.insert(result->jid);
        if (attempt != attempt_) return;
        answered_ = true;
        if (result) return;
        if (result.error().code != Code::kUnavailable && result.error().code != Code::kBusy)
          world_.history.wrongs.push_back("submission " + std::to_string(number_) + " was refused: " + result.error().message);
        try_again(attempt);
      });
  look_after(at, master.life(), attempt);
}

// The connection to a master that was killed is gone at once; one that stands still is given up after a while.
void ModelOperator::look_after(std::size_t at, std::uint64_t life, std::uint64_t attempt) {
  world_.time.after(kLookEvery, [this, at, life, attempt] {
    if (attempt != attempt_ || finished()) return;
    const SimulatedMaster& master = *world_.masters[at];
    if (master.life() != life) return try_again(attempt);
    if (!answered_ && world_.time.now() - attempted_ > kPatience) return try_again(attempt);
    look_after(at, life, attempt);
  });
}

}  // namespace brine::simulation
