#include "loadtest/nats_text.h"

#include <gtest/gtest.h>

#include <vector>

namespace brine::loadtest {
namespace {

using Kind = NatsEvent::Kind;

// All that can be read now, as text: "KIND subject reply text".
std::vector<std::string> read_all(NatsReader& reader) {
  std::vector<std::string> seen;
  while (true) {
    const auto event = reader.next();
    if (!event) {
      seen.push_back("not NATS");
      return seen;
    }
    if (!*event) return seen;
    const NatsEvent& it = **event;
    seen.push_back(std::to_string(static_cast<int>(it.kind)) + "|" + std::string(it.subject) + "|" + std::string(it.reply) + "|" +
                   std::string(it.text));
  }
}

std::string plain(Kind kind, std::string_view text = "") { return std::to_string(static_cast<int>(kind)) + "|||" + std::string(text); }

std::vector<std::string> read_all(std::string_view bytes) {
  NatsReader reader;
  reader.add(bytes);
  return read_all(reader);
}

using Seen = std::vector<std::string>;

TEST(NatsReader, LinesBecomeEventsInOrder) {
  EXPECT_EQ(read_all("INFO {\"port\":4222} \r\nPING\r\nPONG\r\n+OK\r\n-ERR 'Stale Connection'\r\n"),
            (Seen{plain(Kind::kInfo, "{\"port\":4222}"), plain(Kind::kPing), plain(Kind::kPong), plain(Kind::kOk),
                  plain(Kind::kError, "'Stale Connection'")}));
}

TEST(NatsReader, MessageCarriesItsPayloadWhateverIsInIt) {
  EXPECT_EQ(read_all("MSG m.1 7 inbox.2 6\r\nPI\r\nNG\r\nMSG m.1 7 0\r\n\r\n"), (Seen{"5|m.1|inbox.2|PI\r\nNG", "5|m.1||"}));
}

TEST(NatsReader, WhatIsSplitAnywhereIsReadWhole) {
  const std::string bytes = "PING\r\nMSG a.b 1 r.1 5\r\nhello\r\nMSG a.b 1 3\r\nabc\r\nPONG\r\n";
  const Seen whole = read_all(bytes);
  ASSERT_EQ(whole.size(), 4U);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    NatsReader reader;
    reader.add(std::string_view(bytes).substr(0, cut));
    Seen seen = read_all(reader);
    reader.add(std::string_view(bytes).substr(cut));
    for (std::string& text : read_all(reader)) seen.push_back(std::move(text));
    EXPECT_EQ(seen, whole) << "cut at " << cut;
  }
}

TEST(NatsReader, WhatIsNotNatsIsRefused) {
  for (const char* bytes : {"HTTP/1.1 400 Bad Request\r\n", "MSG a 1\r\n", "MSG a 1 r x\r\n", "MSG a 1 r 5 6\r\nhello\r\n",
                            "MSG a one 5\r\nhello\r\n", "MSG a 1 5\r\nhello!!", "MSG a 1 99999999999\r\n", "MSG a 1 -5\r\n", "\r\n"}) {
    EXPECT_EQ(read_all(bytes), Seen{"not NATS"}) << bytes;
  }
}

TEST(NatsReader, LineWithoutEndIsNotKeptForEver) { EXPECT_EQ(read_all(std::string(70'000, 'x')), Seen{"not NATS"}); }

}  // namespace
}  // namespace brine::loadtest
