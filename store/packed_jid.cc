#include "store/packed_jid.h"

#include <array>
#include <ranges>
#include <string>

namespace brine::store {
namespace {

struct Field {
  std::size_t digits;
  std::int64_t radix;
};

// Year, month, day, hour, minute, second, microsecond: 10^4 * 13 * 32 * 24 * 60 * 61 * 10^6 < 2^59.
constexpr std::array<Field, 7> kFields{{{4, 10000}, {2, 13}, {2, 32}, {2, 24}, {2, 60}, {2, 61}, {6, 1000000}}};

}  // namespace

Result<PackedJid> pack(const JobId& jid) {
  BRINE_TRY(JobId::parse(jid.str()));
  PackedJid packed = 0;
  std::size_t at = 0;
  for (const Field& field : kFields) {
    std::int64_t value = 0;
    for (const std::size_t end = at + field.digits; at < end; ++at) value = value * 10 + (jid.str()[at] - '0');
    packed = packed * field.radix + value;
  }
  return packed;
}

JobId unpack(PackedJid packed) {
  if (packed == kNoJid) return {};
  std::string text(20, '0');
  std::size_t at = text.size();
  for (const auto& field : std::views::reverse(kFields)) {
    std::int64_t value = packed % field.radix;
    packed /= field.radix;
    for (std::size_t i = 0; i < field.digits; ++i, value /= 10) text[--at] = static_cast<char>('0' + value % 10);
  }
  return JobId::trusted(std::move(text));
}

}  // namespace brine::store
