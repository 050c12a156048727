#include "minion/account.h"

#include <errno.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace brine::minion {
namespace {

constexpr std::size_t kRecordSize = 64U << 10;

Account account_of(const passwd& entry) {
  return {.name = entry.pw_name, .home = entry.pw_dir, .shell = entry.pw_shell, .uid = entry.pw_uid, .gid = entry.pw_gid};
}

std::vector<gid_t> groups_of(const Account& account) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0 && count > static_cast<int>(groups.size())) {
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

}  // namespace

Result<Account> find_account(const std::string& name) {
  std::vector<char> buffer(kRecordSize);
  passwd entry{};
  passwd* found = nullptr;
  const int error = getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr && error != 0 && error != ENOENT && error != ESRCH) return fail_errno(fmt::format("user '{}'", name), error);
  if (found == nullptr) return fail(Code::kNotFound, fmt::format("there is no user '{}' on this machine", name));
  Account account = account_of(entry);
  account.groups = groups_of(account);
  return account;
}

Result<Account> own_account() {
  std::vector<char> buffer(kRecordSize);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return fail(Code::kNotFound, fmt::format("uid {} has no name on this machine", geteuid()));
  return account_of(entry);
}

Result<std::string> group_name(gid_t gid) {
  std::vector<char> buffer(kRecordSize);
  group entry{};
  group* found = nullptr;
  getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return fail(Code::kNotFound, fmt::format("gid {} has no name on this machine", gid));
  return std::string(entry.gr_name);
}

}  // namespace brine::minion
