// The engine's verdicts as they are sent.
#pragma once

#include "engine/ports.h"
#include "wire/session.h"

namespace brine::front {

wire::Verdict on_wire(engine::Verdict verdict);
wire::GoodbyeReason on_wire(engine::GoodbyeReason reason);

}  // namespace brine::front
