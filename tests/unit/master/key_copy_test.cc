#include "master/key_copy.h"

#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/unit/base/temporary_folder.h"

namespace brine::master {
namespace {

store::KeyRecord some_key(const std::string& id, store::KeyState state) {
  store::KeyRecord key;
  key.id = MinionId::trusted(id);
  key.state = state;
  key.public_key = std::string(32, '\xfe');
  key.index = 4'000'000'000;
  key.version = UINT64_MAX;
  key.changed = 1'790'000'000'000'000;
  key.attempts = 3;
  key.signer = std::string("\0s", 2);
  key.signature = std::string(64, '\x01');
  return key;
}

TEST(KeyCopy, IsReadBackWithEveryField) {
  const TemporaryFolder folder;
  const KeyCopy copy{.epoch = UINT64_MAX, .keys = {some_key("a", store::KeyState::kAccepted), some_key("b", store::KeyState::kDenied)}};
  ASSERT_TRUE(write_key_copy(folder / "keys.copy", copy));
  const auto read = read_key_copy(folder / "keys.copy");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->epoch, copy.epoch);
  ASSERT_EQ(read->keys.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(read->keys[i].id, copy.keys[i].id);
    EXPECT_EQ(read->keys[i].state, copy.keys[i].state);
    EXPECT_EQ(read->keys[i].public_key, copy.keys[i].public_key);
    EXPECT_EQ(read->keys[i].index, copy.keys[i].index);
    EXPECT_EQ(read->keys[i].version, copy.keys[i].version);
    EXPECT_EQ(read->keys[i].changed, copy.keys[i].changed);
    EXPECT_EQ(read->keys[i].attempts, copy.keys[i].attempts);
    EXPECT_EQ(read->keys[i].signer, copy.keys[i].signer);
    EXPECT_EQ(read->keys[i].signature, copy.keys[i].signature);
  }
}

TEST(KeyCopy, NoneIsNotADamagedOne) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_key_copy(folder / "keys.copy").error().code, Code::kNotFound);
}

TEST(KeyCopy, DamageIsNoticed) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_key_copy(folder / "whole", {.epoch = 7, .keys = {some_key("a", store::KeyState::kAccepted)}}));
  const std::string whole = read_file(folder / "whole").value();
  for (const std::string& text :
       {whole.substr(0, whole.size() - 10), std::string("nonsense\n"), std::string("{}\n"), whole + "{\"id\":\"../x\"}\n"}) {
    ASSERT_TRUE(replace_file(folder / "keys.copy", text, 0600));
    EXPECT_EQ(read_key_copy(folder / "keys.copy").error().code, Code::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace brine::master
