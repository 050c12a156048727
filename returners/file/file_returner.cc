#include "returners/file/file_returner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"

namespace brine::returners {
namespace {

class FileReturner final : public Returner {
 public:
  explicit FileReturner(FileReturnerOptions options) : options_(std::move(options)) {}

  const std::string& name() const override { return options_.name; }

  Status open() {
    BRINE_TRY(make_folders(folder_of(options_.path), 0750));
    fd_.reset(::open(options_.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
    if (!fd_.valid()) return fail_errno("cannot write " + options_.path, errno);
    struct stat info{};
    ::fstat(fd_.get(), &info);
    size_ = static_cast<std::uint64_t>(info.st_size);
    return {};
  }

  Status deliver(const std::vector<store::OutboxEntry>& entries) override {
    if (!fd_.valid()) BRINE_TRY(open());
    std::string lines;
    for (const store::OutboxEntry& entry : entries) {
      lines += to_json(entry);
      lines.push_back('\n');
    }
    if (size_ > 0 && size_ + lines.size() > options_.max_bytes) BRINE_TRY(rotate());
    if (auto written = write_synced(lines); !written) {
      // A part of a line may stand there: cut it off, so that the retry begins a line.
      if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) fd_.reset();
      return written;
    }
    size_ += lines.size();
    return {};
  }

 private:
  Status write_synced(const std::string& lines) {
    if (auto written = write_all(fd_.get(), lines); !written) return fail(written.error(), options_.path);
    if (::fdatasync(fd_.get()) != 0) return fail_errno("cannot sync " + options_.path, errno);
    return {};
  }

  Status rotate() {
    for (int i = options_.keep - 1; i >= 1; --i)
      std::rename((options_.path + "." + std::to_string(i)).c_str(), (options_.path + "." + std::to_string(i + 1)).c_str());
    if (options_.keep > 0 && std::rename(options_.path.c_str(), (options_.path + ".1").c_str()) != 0)
      return fail_errno("cannot rotate " + options_.path, errno);
    if (options_.keep == 0) ::unlink(options_.path.c_str());
    return open();
  }

  const FileReturnerOptions options_;
  Fd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace

Result<std::unique_ptr<Returner>> open_file_returner(FileReturnerOptions options) {
  auto returner = std::make_unique<FileReturner>(std::move(options));
  BRINE_TRY(returner->open());
  return returner;
}

}  // namespace brine::returners
