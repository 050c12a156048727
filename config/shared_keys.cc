#include "config/shared_keys.h"

namespace brine::config {

void declare_log_level(Schema& schema, log::Level& field) {
  using log::Level;
  schema.choice<Level>("log_level", field,
                       {{"quiet", Level::kQuiet},
                        {"critical", Level::kError},
                        {"error", Level::kError},
                        {"warning", Level::kWarning},
                        {"info", Level::kInfo},
                        {"debug", Level::kDebug},
                        {"profile", Level::kDebug},
                        {"trace", Level::kDebug},
                        {"garbage", Level::kDebug},
                        {"all", Level::kDebug}},
                       "What is logged.");
}

}  // namespace brine::config
