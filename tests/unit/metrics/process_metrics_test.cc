#include "metrics/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>

#include "base/clock.h"
#include "base/file.h"
#include "base/version.h"

namespace brine::metrics {
namespace {

class ProcessMetricsTest : public testing::Test {
 protected:
  ProcessMetricsTest() { declare_process_metrics(registry); }
  double value(const std::string& name) const {
    const std::string text = registry.text();
    const std::size_t at = text.find("\n" + name + " ");
    EXPECT_NE(at, std::string::npos) << name;
    return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  }

  Registry registry;
};

TEST_F(ProcessMetricsTest, ResidentMemoryIsPartOfTheAddressSpace) {
  EXPECT_GT(value("process_resident_memory_bytes"), 1'000'000);
  EXPECT_GE(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
}

TEST_F(ProcessMetricsTest, OpeningAFileIsCounted) {
  const double before = value("process_open_fds");
  const Fd one(::dup(1));
  const Fd two(::dup(1));
  EXPECT_EQ(value("process_open_fds"), before + 2);
  EXPECT_GE(value("process_max_fds"), before + 2);
}

TEST_F(ProcessMetricsTest, ItStartedAfterAnHourAgoAndNotInTheFuture) {
  const double now = static_cast<double>(SystemClock().unix_now()) / 1e6;
  EXPECT_LT(value("process_start_time_seconds"), now + 2);
  EXPECT_GT(value("process_start_time_seconds"), now - 3'600);
}

TEST_F(ProcessMetricsTest, CpuTimeGrowsWithWork) {
  const double before = value("process_cpu_seconds_total");
  volatile unsigned work = 0;
  while (value("process_cpu_seconds_total") < before + 0.01) work = work + 1;
  EXPECT_GT(work, 0U);
}

TEST_F(ProcessMetricsTest, TheVersionIsALabel) {
  EXPECT_THAT(registry.text(), testing::HasSubstr("brine_build_info{version=\"" + std::string(kVersion) + "\"} 1\n"));
}

}  // namespace
}  // namespace brine::metrics
