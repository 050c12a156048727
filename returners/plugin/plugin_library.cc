#include "returners/plugin/plugin_library.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/file.h"

namespace brine::returners {
namespace {

constexpr const char* kEntryPoint = "brine_returner_plugin_v1";

// Without symbolic links: what is checked is what is loaded.
Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return fail_errno("library " + path, errno, errno == ENOENT ? Code::kNotFound : Code::kUnavailable);
  return std::string(real.get());
}

Status check_owner(const std::string& path, const struct stat& info) {
  if (info.st_uid != 0 && info.st_uid != ::geteuid())
    return fail(Code::kDenied, path + " belongs to user " + std::to_string(info.st_uid) +
                                   ": who owns it could run code in this process; it has to belong to root or to the user of this daemon");
  const bool sticky_folder = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX) != 0;
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_folder)
    return fail(Code::kDenied,
                path + " can be written by its group or by everybody, who could run code in this process: chmod go-w " + path);
  return {};
}

// The file, and every folder above it: who may write there could put another file in its place.
Status check_nobody_else_can_change(const std::string& path) {
  for (std::string at = path;; at = folder_of(at)) {
    struct stat info{};
    if (::stat(at.c_str(), &info) != 0) return fail_errno("library " + at, errno);
    if (at == path && !S_ISREG(info.st_mode)) return fail(Code::kInvalid, "library " + at + " is no file");
    BRINE_TRY(check_owner(at, info));
    if (at == "/") return {};
  }
}

std::string loader_error() {
  const char* why = ::dlerror();
  return why == nullptr ? "no reason given" : why;
}

}  // namespace

PluginLibrary::PluginLibrary(std::shared_ptr<void> library, const brine_returner_plugin* table, std::string path)
    : library_(std::move(library)), table_(table), path_(std::move(path)) {}

Result<PluginLibrary> PluginLibrary::load(const std::string& path) {
  if (!path.starts_with('/')) return fail(Code::kInvalid, "library '" + path + "' has to be an absolute path");
  BRINE_LET(std::string real, real_path(path));
  BRINE_TRY(check_nobody_else_can_change(real));
  void* handle = ::dlopen(real.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return fail(Code::kUnsupported, "library " + path + " cannot be loaded: " + loader_error());
  std::shared_ptr<void> library(handle, &::dlclose);
  const auto entry = reinterpret_cast<decltype(&brine_returner_plugin_v1)>(::dlsym(handle, kEntryPoint));
  if (entry == nullptr)
    return fail(Code::kUnsupported,
                "library " + path + " is no returner of this version: it does not export " + kEntryPoint + "(), see brine_returner.h");
  const brine_returner_plugin* table = entry();
  if (table == nullptr) return fail(Code::kUnsupported, "library " + path + ": " + kEntryPoint + "() returns no table");
  if (table->abi_version != BRINE_RETURNER_ABI_VERSION)
    return fail(Code::kUnsupported, "library " + path + " has version " + std::to_string(table->abi_version) +
                                        " of the plug-in ABI, this brine wants version " + std::to_string(BRINE_RETURNER_ABI_VERSION) +
                                        ": build it with the brine_returner.h of this brine");
  if (table->open == nullptr || table->deliver == nullptr || table->close == nullptr)
    return fail(Code::kUnsupported, "library " + path + ": its table lacks open, deliver or close");
  return PluginLibrary(std::move(library), table, std::move(real));
}

}  // namespace brine::returners
