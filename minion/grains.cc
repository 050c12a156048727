#include "minion/grains.h"

#include "minion/core_grains.h"

namespace brine::minion {

Grains::Grains(GrainSources sources) : sources_(std::move(sources)), current_(std::make_shared<const Json>(read())) {}

std::shared_ptr<const Json> Grains::snapshot() const {
  std::lock_guard lock(mutex_);
  return current_;
}

bool Grains::refresh() {
  std::lock_guard one_at_a_time(refreshing_);
  auto fresh = std::make_shared<const Json>(read());
  std::lock_guard lock(mutex_);
  const bool changed = *fresh != *current_;
  current_ = std::move(fresh);
  return changed;
}

Json Grains::read() const {
  Json grains = core_grains(sources_.root);
  const Json from_file = sources_.from_file();
  if (from_file.is_object()) grains.update(from_file);
  if (sources_.configured.is_object()) grains.update(sources_.configured);
  grains["id"] = sources_.id.str();
  return grains;
}

}  // namespace brine::minion
