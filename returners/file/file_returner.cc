#include "returners/file/file_returner.h"

#include "returners/line_file.h"

namespace brine::returners {
namespace {

class FileReturner final : public Returner {
 public:
  explicit FileReturner(LineFile file) : file_(std::move(file)) {}

  Delivery deliver(std::span<const Record> records, const std::stop_token&) override {
    std::string lines;
    for (const Record& record : records) lines.append(record.json).push_back('\n');
    if (auto written = file_.append(lines); !written) return Delivery::none({Code::kUnavailable, written.error().message});
    return Delivery::all(records);
  }

 private:
  LineFile file_;
};

}  // namespace

Result<std::unique_ptr<Returner>> open_file_returner(const config::FileReturnerConfig& config) {
  LineFile file({config.path, config.max_bytes, config.keep});
  BRINE_TRY(file.open());
  return std::make_unique<FileReturner>(std::move(file));
}

}  // namespace brine::returners
