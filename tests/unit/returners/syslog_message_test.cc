#include "returners/syslog/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "tests/unit/returners/outbox_entries.h"

namespace brine::returners {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string message_of(store::OutboxEntry entry, SyslogStyle style = {}) { return syslog_message(record_of(std::move(entry)), style); }

// By hand, after RFC 5424, section 6. PRI: 3 (daemon) * 8 + 6 (informational).
TEST(SyslogMessage, IsThatOfRfc5424) {
  store::OutboxEntry entry = entry_number(7, R"({"a":[1]})");
  entry.value.received = 1'790'000'001'000'042;
  EXPECT_EQ(message_of(entry),
            R"(<30>1 2026-09-21T14:13:21.000042Z web7 brine - test.ping [brine@32473 jid="20260921141320000007" id="web7" fun="test.ping")"
            R"( outcome="returned" retcode="0" master="m"] )"
            R"({"schema":1,"kind":"return","jid":"20260921141320000007","id":"web7","fun":"test.ping","outcome":"returned",)"
            R"("success":true,"retcode":0,"received":1790000001000042,"duration_us":250,"master":"m","return":{"a":[1]}})");
}

TEST(SyslogMessage, OfAnEventIsANoticeOfTheMaster) {
  EXPECT_THAT(message_of(event_number(3)),
              StartsWith(R"(<29>1 2026-09-21T14:13:21.000000Z m brine - brine/minion/web3/start [brine@32473 event_id="m:1:3")"
                         R"( tag="brine/minion/web3/start" master="m"] {"schema":1,"kind":"event","event_id":"m:1:3",)"));
}

TEST(SyslogMessage, OfAFailureIsAnError) {
  store::OutboxEntry entry = entry_number(1);
  entry.value.success = false;
  entry.value.retcode = -2;
  const std::string message = message_of(entry, {.facility = 19, .app_name = "fleet"});
  EXPECT_THAT(message, StartsWith("<155>1 "));
  EXPECT_THAT(message, HasSubstr(" web1 fleet - "));
  EXPECT_THAT(message, HasSubstr(R"( retcode="-2")"));
}

TEST(SyslogMessage, WhatIsInStructuredDataCannotLeaveIt) {
  store::OutboxEntry entry = entry_number(1);
  entry.function = "a\"]\\ b\nc";
  EXPECT_THAT(message_of(entry), HasSubstr(R"( - a"]\_b_c [brine@32473 jid="20260921141320000001" id="web1" fun="a\"\]\\ b?c" outcome=)"));
  EXPECT_THAT(message_of(entry), Not(HasSubstr("\n")));
}

TEST(SyslogMessage, NameOfAFunctionIsCutInTheHeaderOnly) {
  store::OutboxEntry entry = entry_number(1);
  entry.function = std::string(40, 'f');
  EXPECT_THAT(message_of(entry), HasSubstr(" - " + std::string(32, 'f') + " [brine@32473"));
  EXPECT_THAT(message_of(entry), HasSubstr("fun=\"" + std::string(40, 'f') + "\""));
}

TEST(SyslogMessage, IsUtf8WhateverTheNamesAre) {
  store::OutboxEntry entry = entry_number(1, "\"gr\xc3\xbc\xc3\x9f\"");
  entry.function = "f\xff";
  EXPECT_TRUE(is_utf8(message_of(entry)));
  EXPECT_THAT(message_of(entry), HasSubstr("fun=\"f?\""));
  EXPECT_THAT(message_of(entry), EndsWith("\"return\":\"gr\xc3\xbc\xc3\x9f\"}"));
  entry.function = "gr\xc3\xbc\xc3\x9f";
  EXPECT_THAT(message_of(entry), HasSubstr(" - gr____ [brine@32473 "));
  EXPECT_THAT(message_of(entry), HasSubstr("fun=\"gr\xc3\xbc\xc3\x9f\""));
}

TEST(SyslogMessage, WhatIsNotKnownIsADash) {
  store::OutboxEntry late = entry_number(1);
  late.late = true;
  late.function.clear();
  late.value.received = 0;
  EXPECT_THAT(message_of(late), StartsWith("<30>1 - web1 brine - - [brine@32473 "));
}

}  // namespace
}  // namespace brine::returners
