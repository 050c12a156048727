#include "front/on_wire.h"

namespace brine::front {

wire::Verdict on_wire(engine::Verdict verdict) {
  switch (verdict) {
    case engine::Verdict::kAccepted: return wire::Verdict::kAccepted;
    case engine::Verdict::kPending: return wire::Verdict::kPending;
    case engine::Verdict::kRejected: return wire::Verdict::kRejected;
    case engine::Verdict::kDenied: return wire::Verdict::kDenied;
    case engine::Verdict::kBusy: return wire::Verdict::kBusy;
  }
  return wire::Verdict::kBusy;
}

wire::GoodbyeReason on_wire(engine::GoodbyeReason reason) {
  switch (reason) {
    case engine::GoodbyeReason::kKeyChanged: return wire::GoodbyeReason::kKeyChanged;
    case engine::GoodbyeReason::kDisplaced: return wire::GoodbyeReason::kDisplaced;
    case engine::GoodbyeReason::kStopping: return wire::GoodbyeReason::kStopping;
  }
  return wire::GoodbyeReason::kProtocol;
}

}  // namespace brine::front
