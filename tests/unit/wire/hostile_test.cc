// What an attacker may send instead of a message: each must end in an error or a message, within bounds, and never in a crash.
#include <gtest/gtest.h>

#include <cstring>

#include "base/bytes.h"
#include "tests/unit/wire/samples.h"
#include "wire/frame.h"

namespace brine::wire {
namespace {

constexpr std::size_t kSegmentTable = 8;

void expect_error_or_message(const Sample& sample, std::string_view bytes, std::size_t at) {
  const auto again = sample.recode(bytes);
  if (again) {
    EXPECT_LE(again->size(), 3 * bytes.size() + 1024) << sample.name << " grew, altered at " << at;
  } else {
    EXPECT_EQ(again.error().code, Code::kInvalid) << sample.name << " altered at " << at;
    EXPECT_FALSE(again.error().message.empty()) << sample.name << " altered at " << at;
  }
}

TEST(HostileInput, EveryTruncationIsAnError) {
  for (const Sample& sample : all_samples()) {
    const std::string whole = golden(sample.name);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const std::string cut = whole.substr(0, size);
      EXPECT_FALSE(sample.recode(cut)) << sample.name << " cut to " << size;
    }
  }
}

TEST(HostileInput, BytesBehindAMessageAreAnError) {
  for (const Sample& sample : all_samples()) {
    EXPECT_FALSE(sample.recode(golden(sample.name) + std::string(8, '\0'))) << sample.name;
    EXPECT_FALSE(sample.recode(golden(sample.name) + 'x')) << sample.name;
  }
}

TEST(HostileInput, EveryAlteredByteGivesAnErrorOrAMessage) {
  for (const Sample& sample : all_samples()) {
    const std::string whole = golden(sample.name);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {0x01, 0x04, 0x80, 0xff}) {
        std::string altered = whole;
        altered[at] = static_cast<char>(altered[at] ^ flip);
        expect_error_or_message(sample, altered, at);
      }
    }
  }
}

TEST(HostileInput, EveryWordReplacedByAnExtremeOneGivesAnErrorOrAMessage) {
  for (const Sample& sample : all_samples()) {
    const std::string whole = golden(sample.name);
    for (std::size_t at = whole.size() % 8; at < whole.size(); at += 8) {
      for (const std::uint64_t word :
           {std::uint64_t{0}, UINT64_MAX, std::uint64_t{0x7fffffff7fffffff}, std::uint64_t{0xfffffffffffffffd}}) {
        std::string altered = whole;
        std::memcpy(altered.data() + at, &word, sizeof word);
        expect_error_or_message(sample, altered, at);
      }
    }
  }
}

TEST(HostileInput, UnalignedBytesDecodeAsWell) {
  for (const Sample& sample : all_samples()) {
    const std::string whole = golden(sample.name);
    for (std::size_t shift = 1; shift < 8; ++shift) {
      const std::string shifted = std::string(shift, 'x') + whole;
      EXPECT_TRUE(sample.recode(std::string_view(shifted).substr(shift))) << sample.name;
    }
  }
}

TEST(HostileInput, MessageOfOneKindIsNoCrashAsAnother) {
  for (const Sample& decoder : all_samples()) {
    for (const Sample& other : all_samples()) expect_error_or_message(decoder, golden(other.name), 0);
  }
}

// ---- messages made of raw words: https://capnproto.org/encoding.html -------------------------------------------------------

std::string message_of(std::initializer_list<std::uint64_t> words) {
  std::string bytes;
  append_le(bytes, std::uint32_t{0});
  append_le(bytes, static_cast<std::uint32_t>(words.size()));
  for (const std::uint64_t word : words) append_le(bytes, word);
  return bytes;
}

constexpr std::uint64_t struct_pointer(std::int32_t offset, std::uint16_t data_words, std::uint16_t pointers) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(offset) << 2)) | static_cast<std::uint64_t>(data_words) << 32 |
         static_cast<std::uint64_t>(pointers) << 48;
}
constexpr std::uint64_t list_pointer(std::int32_t offset, unsigned element_size, std::uint32_t count) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(offset) << 2) | 1) | static_cast<std::uint64_t>(count << 3 | element_size)
                                                                                         << 32;
}
constexpr std::uint64_t far_pointer(std::uint32_t word, std::uint32_t segment, bool two_words) {
  return (static_cast<std::uint64_t>(word << 3) | (two_words ? 4U : 0U) | 2U) | static_cast<std::uint64_t>(segment) << 32;
}
constexpr unsigned kVoid = 0;
constexpr unsigned kComposite = 7;
constexpr std::uint64_t kReplyFinished = 2;  // the union's tag

// An OperatorReply{finished} whose list of missing minions is `list`, followed by `more`.
std::string finished_with(std::uint64_t list, std::uint64_t more) {
  return message_of({struct_pointer(0, 1, 1), kReplyFinished, struct_pointer(0, 0, 1), list, more});
}

TEST(HostileInput, ListOfMillionsOfStructsWithoutSizeIsRefused) {
  EXPECT_FALSE(decode_reply(finished_with(list_pointer(0, kComposite, 0), (0x1fffffffULL << 2))));
  EXPECT_FALSE(decode_reply(finished_with(list_pointer(0, kVoid, 0x1fffffff), 0)));
  EXPECT_TRUE(decode_reply(finished_with(list_pointer(0, kComposite, 0), 0))) << "the empty list is fine: the rest of the message is sound";
}

TEST(HostileInput, PointersThatLeadBackAreRefused) {
  EXPECT_FALSE(decode_reply(message_of({far_pointer(0, 0, false)})));
  EXPECT_FALSE(decode_reply(message_of({far_pointer(0, 0, true)})));
  EXPECT_FALSE(decode_reply(message_of({far_pointer(1, 0, true), far_pointer(1, 0, true), far_pointer(0, 0, false)})));
  // The list of missing minions is a list of structs that begins at the list's own pointer.
  EXPECT_FALSE(decode_reply(finished_with(list_pointer(-1, kComposite, 1), 0)));
  // The struct is its own member.
  EXPECT_FALSE(decode_reply(message_of({struct_pointer(0, 1, 1), kReplyFinished, struct_pointer(-1, 0, 1)})));
}

TEST(HostileInput, PointersOutOfTheMessageAreRefused) {
  EXPECT_FALSE(decode_reply(message_of({struct_pointer(1000, 1, 1)})));
  EXPECT_FALSE(decode_reply(message_of({struct_pointer(-5, 1, 1)})));
  EXPECT_FALSE(decode_reply(finished_with(list_pointer(0, kComposite, 0x1fffffff), 4)));
  EXPECT_FALSE(decode_reply(message_of({far_pointer(0, 7, false)})));
}

TEST(HostileInput, SegmentTableThatPromisesTooMuchIsRefused) {
  for (const std::uint32_t segments : {1U, 2U, 511U, 512U, 0x7fffffffU}) {
    std::string bytes = golden("session_ack");
    std::memcpy(bytes.data(), &segments, sizeof segments);
    EXPECT_FALSE(decode_session_message(bytes)) << segments;
  }
}

// Redirects every two-byte text (one character and NUL) to the one text of `size` bytes.
std::size_t redirect_to_the_large_text(std::string& bytes, std::uint32_t size) {
  const auto word = [&](std::size_t at) { return read_le<std::uint64_t>(std::string_view(bytes).substr(at, 8)); };
  const auto is_text = [&](std::size_t at, std::uint32_t length) { return word(at) >> 32 == (length << 3 | 2U) && (word(at) & 3) == 1; };
  std::size_t target = 0;
  for (std::size_t at = kSegmentTable; at < bytes.size(); at += 8) {
    if (is_text(at, size)) target = at + 8 + static_cast<std::size_t>(static_cast<std::int32_t>(word(at)) >> 2) * 8;
  }
  std::size_t redirected = 0;
  for (std::size_t at = kSegmentTable; at < bytes.size(); at += 8) {
    if (!is_text(at, 2)) continue;
    const auto offset = (static_cast<std::int64_t>(target) - static_cast<std::int64_t>(at) - 8) / 8;
    const std::uint64_t pointer = list_pointer(static_cast<std::int32_t>(offset), 2, size);
    std::memcpy(bytes.data() + at, &pointer, sizeof pointer);
    ++redirected;
  }
  return redirected;
}

TEST(HostileInput, ManyPointersToOneLargeTextAreRefused) {
  constexpr std::size_t kLarge = 8'191;
  Welcome welcome;
  welcome.masters.assign(1'000, "x");
  welcome.masters[0] = std::string(kLarge, 'm');
  std::string bytes = encode(welcome);
  ASSERT_TRUE(decode_session_message(bytes));
  ASSERT_EQ(redirect_to_the_large_text(bytes, kLarge + 1), 999U);
  const auto decoded = decode_session_message(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_NE(decoded.error().message.find("traversal limit"), std::string::npos) << decoded.error().message;
}

}  // namespace
}  // namespace brine::wire
