#include "tests/simulation/world.h"

#include <fmt/core.h>

#include <algorithm>

#include "tests/simulation/verdict.h"

namespace brine::simulation {
namespace {

constexpr milliseconds kSilence{5'000};  // after which an end gives a link up
constexpr milliseconds kNetworkTick{100};
constexpr seconds kSettleWithin{90};

}  // namespace

Settings drawn_settings(std::uint64_t seed) {
  Timeline chance(~seed);
  Settings settings;
  settings.masters = 2 + chance.below(4);
  settings.minions = 2 + chance.below(7);
  settings.trouble = seconds(chance.between(5, 40));
  settings.faults = static_cast<int>(chance.between(3, 40));
  settings.commands = static_cast<int>(chance.between(5, 60));
  return settings;
}

World::World(std::uint64_t seed, Settings settings)
    : time(seed),
      server(time.clock()),
      network(
          time, kSilence,
          {.runs = [this](End end, std::size_t number) { return end == End::kMaster ? masters[number]->runs() : minions[number]->runs(); },
           .closed =
               [this](const LinkRef& link, End end) {
                 end == End::kMaster ? masters[link->master]->on_closed(link) : minions[link->minion]->on_closed(link);
               }}),
      settings_(settings),
      percent_(static_cast<int>(time.between(1, 4)) * 25) {
  for (std::size_t i = 0; i < settings_.masters; ++i)
    masters.push_back(std::make_unique<SimulatedMaster>(*this, i, time.between(milliseconds(-5'000), milliseconds(5'000))));
  for (std::size_t i = 0; i < settings_.minions; ++i) minions.push_back(std::make_unique<ModelMinion>(*this, i));
}

std::vector<std::string> World::run() {
  for (const auto& master : masters) master->start();
  for (const auto& minion : minions) minion->start();
  if (const std::string why = settle(kSettleWithin); !why.empty()) return {"before any fault: " + why};
  trouble_ends_ = time.now() + settings_.trouble;
  plan_commands();
  plan_faults();
  pass(settings_.trouble + milliseconds(1));
  tell("healed");
  const std::string why = settle(kSettleWithin);
  tell("settled");
  auto wrong = judge(history, server);
  if (!why.empty()) wrong.push_back("UNSETTLED: " + why);
  return wrong;
}

void World::tell(const std::string& what) const {
  if (settings_.told) fmt::print("{:8.3f}  {}\n", static_cast<double>(time.clock().unix_now() - kStart) / 1e6, what);
}

void World::pass(microseconds duration) {
  const MonoTime end = time.now() + duration;
  while (time.now() < end) step();
}

void World::step() {
  time.advance(microseconds(time.between(500, 15'000)));
  if (time.now() >= next_tick_) {
    next_tick_ = time.now() + kNetworkTick;
    network.tick();
  }
  for (const auto& master : masters) {
    if (master->runs()) master->turn(percent_);
  }
}

void World::meanwhile() {
  if (std::exchange(somebody_waits_, true)) return;
  for (std::int64_t left = time.between(1, 40); left > 0; --left) step();
  somebody_waits_ = false;
}

std::string World::settle(seconds longest) {
  const MonoTime end = time.now() + longest;
  std::string why;
  do {
    pass(milliseconds(500));
    why = why_unsettled();
  } while (!why.empty() && time.now() < end);
  return why;
}

std::string World::why_unsettled() {
  for (const auto& master : masters) {
    if (!master->serves()) return master->name() + " does not serve";
  }
  for (const auto& minion : minions) {
    if (!minion->is_open()) return minion->id().str() + " has no session";
    if (!minion->idle()) return minion->id().str() + " waits for acknowledgements";
  }
  for (const auto& one : operators_) {
    if (!one->finished()) return "a command has not ended";
  }
  for (const auto& master : masters) {
    const auto places = master->places();
    for (const auto& minion : minions) {
      const auto place = places.find(minion->id().str());
      const std::string& truth = masters[minion->link()->master]->name();
      if (place == places.end() || place->second != truth)
        return fmt::format("{} takes {} to be with '{}', and it is with {}", master->name(), minion->id().str(),
                           place == places.end() ? "nobody" : place->second, truth);
    }
    if (const auto open = master->open_jobs(); !open.empty()) return master->name() + " has job " + open.front() + " open";
  }
  return "";
}

// ---- what happens ----------------------------------------------------------------------------------------------------------

// None is for the last minion, whose key is deleted now and then.
void World::plan_commands() {
  for (int number = 0; number < settings_.commands; ++number) {
    std::set<MinionId> meant;
    const bool all = time.chance(50);
    for (const auto& minion : minions) {
      if (all || time.chance(30)) meant.insert(minion->id());
    }
    meant.erase(minions.back()->id());
    if (meant.empty()) meant.insert(minions.front()->id());
    operators_.push_back(std::make_unique<ModelOperator>(*this, number, std::move(meant), time.chance(60)));
    time.after(time.between(milliseconds(0), settings_.trouble), [one = operators_.back().get()] { one->begin(); });
  }
}

void World::plan_faults() {
  for (int i = 0; i < settings_.faults; ++i) time.after(time.between(milliseconds(0), settings_.trouble), [this] { fault(); });
}

void World::for_a_while(const std::string& what, milliseconds longest, std::function<void()> begin, std::function<void()> end) {
  const milliseconds duration = time.between(milliseconds(50), longest);
  tell(what + fmt::format(" for {} ms", duration.count()));
  begin();
  time.at(std::min(time.now() + duration, trouble_ends_), [this, what, end = std::move(end)] {
    tell("over: " + what);
    end();
  });
}

void World::fault() {
  SimulatedMaster* master = masters[time.below(masters.size())].get();
  ModelMinion* minion = minions[time.below(minions.size())].get();
  const std::size_t at = static_cast<std::size_t>(master->name()[0] - 'a');
  switch (time.below(14)) {
    case 0:
    case 1: return for_a_while("kill master " + master->name(), milliseconds(8'000), [=] { master->kill(); }, [=] { master->start(); });
    case 2: return for_a_while("stop master " + master->name(), milliseconds(4'000), [=] { master->stop(); }, [=] { master->start(); });
    case 3:
      return for_a_while(
          "pause master " + master->name(), milliseconds(9'000), [=] { master->set_paused(true); }, [=] { master->set_paused(false); });
    case 4:
    case 5: {
      const Fault fault = std::array{Fault::kAway, Fault::kDeaf, Fault::kTorn}[time.below(3)];
      return for_a_while(
          fmt::format("{} the store of {}", fault == Fault::kAway ? "cut" : "deafen", master->name()), milliseconds(9'000),
          [=] { master->set_fault(fault); }, [=] { master->set_fault(Fault::kNone); });
    }
    case 6: return for_a_while("the store is away", milliseconds(7'000), [this] { server_away = true; }, [this] { server_away = false; });
    case 7:
      return for_a_while(
          "kill minion " + minion->id().str(), milliseconds(5'000), [=] { minion->kill(); },
          [=] {
            if (!minion->alive()) minion->start();
          });
    case 8:
      return for_a_while(
          "pause minion " + minion->id().str(), milliseconds(7'000), [=] { minion->set_paused(true); }, [=] { minion->set_paused(false); });
    case 9:
      return for_a_while(
          fmt::format("cut {} from {}", minion->id().str(), master->name()), milliseconds(9'000),
          [=, this] { network.cut(minion->number(), at); }, [=, this] { network.heal(minion->number(), at); });
    case 10:
      return for_a_while(
          "a replica takes over", milliseconds(4'000), [this] { server_away = true; },
          [this] {
            server.fail_over();
            server_away = false;
          });
    case 11: {
      tell("drop " + minion->id().str());
      if (minion->runs()) minion->drop();
      return;
    }
    case 12: {
      tell("delete the key of " + minions.back()->id().str() + " with " + master->name());
      if (!master->runs()) return;
      return master->engine()->change_keys(engine::KeyAuthority::Change::kDelete,
                                           {[id = minions.back()->id()](const MinionId& one) { return one == id; }, true, true, true, true},
                                           [](const auto&) {});
    }
    default: tell("news are trimmed"); return server.trim_news(time.below(3));
  }
}

}  // namespace brine::simulation
