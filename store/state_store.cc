#include "store/state_store.h"

namespace brine::store {

bool Batch::empty() const {
  return jobs.empty() && returns.empty() && events.empty() && keys.empty() && tokens.empty() && forgotten_tokens.empty() &&
         forgotten_keys.empty() && departures.empty() && grains.empty() && journals.empty() && mine.empty() && forgotten_mine.empty() && forgotten_minions.empty() &&
         returner_positions.empty() && settings.empty();
}

}  // namespace brine::store
