#include "minion/journal_record.h"

#include <gtest/gtest.h>

namespace brine::minion {
namespace {

JobId jid(const char* text) {
  const auto parsed = JobId::parse(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(JobId());
}

TEST(PackedJid, ComesBackAsTheSameText) {
  for (const char* text :
       {"00000101000000000000", "20231114221320000001", "20240229000000000000", "20161231235960999999", "99991231235960999999"}) {
    const auto packed = pack(jid(text));
    ASSERT_TRUE(packed) << text;
    EXPECT_EQ(unpack(*packed).str(), text);
  }
}

TEST(PackedJid, SortsAsTheTextDoes) {
  const char* sorted[] = {"00000101000000000000", "20161231235959999999", "20161231235960000000", "20170101000000000000",
                          "20170101000000000001", "20170201000000000000", "99991231235960999999"};
  for (std::size_t i = 1; i < std::size(sorted); ++i) EXPECT_LT(*pack(jid(sorted[i - 1])), *pack(jid(sorted[i])));
}

TEST(PackedJid, IsNothingForWhatIsNoJid) {
  for (const char* text :
       {"", "2023", "2023111422132000000x", "20231314221320000001", "20231100221320000001", "20231114221361000000", "20231114226020000001"})
    EXPECT_FALSE(pack(JobId::trusted(text))) << text;
}

TEST(JournalRecord, HasTheSizeThatWasAnnouncedAndIsFoundAgain) {
  const PackedJid packed = *pack(jid("20231114221320000001"));
  const JournalRecord all[] = {HeaderRecord{kJournalVersion, 7, 9},
                               BirthRecord{-5},
                               BegunRecord{packed, 12, "hash"},
                               StartedRecord{packed, {4711, 123456789012}},
                               DoneRecord{packed, 12, {"out\0come", 8}},
                               AckedRecord{packed, 12},
                               BootRecord{"boot"}};
  for (const JournalRecord& record : all) {
    std::string bytes;
    append_record(bytes, record);
    EXPECT_EQ(bytes.size(), size_of(record));
    const std::string with_rest = bytes + "rest";
    const auto found = first_record(with_rest);
    ASSERT_TRUE(found) << record.index();
    EXPECT_EQ(found->size, bytes.size());
    std::string again;
    append_record(again, found->record);
    EXPECT_EQ(again, bytes);
  }
}

TEST(JournalRecord, OfAJobWithoutAPossibleJidIsNone) {
  std::string bytes;
  append_record(bytes, AckedRecord{~PackedJid{0}, 0});
  EXPECT_FALSE(first_record(bytes));
}

TEST(JournalRecord, IsLookedForBehindTheFirstByteOnly) {
  std::string bytes;
  append_record(bytes, BirthRecord{1});
  EXPECT_FALSE(contains_record(bytes));
  EXPECT_TRUE(contains_record("garbage" + bytes));
  EXPECT_TRUE(contains_record("garbage" + bytes + "garbage"));
  EXPECT_FALSE(contains_record("garbage" + bytes.substr(0, bytes.size() - 1)));
}

}  // namespace
}  // namespace brine::minion
