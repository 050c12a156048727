#include "metrics/registry.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <sstream>

#include "base/log.h"

namespace brine::metrics {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789_";
// Units of gauges: base units, things that are counted, and the two kinds of constants.
constexpr std::array<std::string_view, 15> kUnits{"_seconds", "_masters", "_syndics", "_bytes",     "_minions",
                                                  "_keys",    "_jobs",    "_returns", "_entries",   "_connections",
                                                  "_tasks",   "_fds",     "_info",    "_available", "_handshakes"};

prometheus::MetricType type_of(Kind kind) {
  switch (kind) {
    case Kind::kCounter: return prometheus::MetricType::Counter;
    case Kind::kGauge: return prometheus::MetricType::Gauge;
    case Kind::kHistogram: break;
  }
  return prometheus::MetricType::Histogram;
}

double in_seconds(microseconds duration) { return std::chrono::duration<double>(duration).count(); }

prometheus::ClientMetric labelled(const Registry::Labels& labels) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : labels) metric.label.push_back({name, value});
  return metric;
}

prometheus::ClientMetric line_of(Kind kind, const Registry::Series& series) {
  prometheus::ClientMetric metric = labelled(series.labels);
  (kind == Kind::kCounter ? metric.counter.value : metric.gauge.value) = series.read();
  return metric;
}

prometheus::ClientMetric lines_of(const Registry::Distribution& distribution) {
  prometheus::ClientMetric metric = labelled(distribution.labels);
  const std::vector<std::uint64_t> counts = distribution.histogram->counts();
  const std::vector<microseconds>& bounds = distribution.histogram->bounds();
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double bound = i < bounds.size() ? in_seconds(bounds[i]) : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = in_seconds(distribution.histogram->sum());
  return metric;
}

}  // namespace

std::string name_complaint(Kind kind, std::string_view name) {
  if (name.empty() || name.find_first_not_of(kLetters) != std::string_view::npos || name.front() < 'a' || name.front() > 'z')
    return "a name is made of small letters, digits and _, and begins with a letter";
  if (kind == Kind::kCounter) return name.ends_with("_total") ? "" : "the name of a counter ends in _total";
  if (kind == Kind::kHistogram) return name.ends_with("_seconds") ? "" : "the name of a histogram ends in _seconds";
  const bool has_unit = std::any_of(kUnits.begin(), kUnits.end(), [name](std::string_view unit) { return name.ends_with(unit); });
  return has_unit ? "" : "the name of a gauge ends in the unit of its value";
}

void Registry::add(Family family) {
  std::string wrong = name_complaint(family.kind, family.name);
  if (family.help.empty()) wrong = "there is no help text";
  const std::lock_guard lock(mutex_);
  if (std::any_of(families_.begin(), families_.end(), [&](const Family& other) { return other.name == family.name; }))
    wrong = "it is declared twice";
  if (!wrong.empty()) {
    log::error("metric '{}': {}", family.name, wrong);
    std::abort();
  }
  families_.push_back(std::move(family));
}

void Registry::counter(std::string name, std::string help, std::vector<Series> series) {
  add({Kind::kCounter, std::move(name), std::move(help), std::move(series), {}});
}

void Registry::counter(std::string name, std::string help, Read read) {
  add({Kind::kCounter, std::move(name), std::move(help), {{{}, std::move(read)}}, {}});
}

void Registry::gauge(std::string name, std::string help, std::vector<Series> series) {
  add({Kind::kGauge, std::move(name), std::move(help), std::move(series), {}});
}

void Registry::gauge(std::string name, std::string help, Read read) {
  add({Kind::kGauge, std::move(name), std::move(help), {{{}, std::move(read)}}, {}});
}

void Registry::histogram(std::string name, std::string help, std::vector<Distribution> distributions) {
  add({Kind::kHistogram, std::move(name), std::move(help), {}, std::move(distributions)});
}

std::string Registry::text() const {
  std::vector<prometheus::MetricFamily> families;
  {
    const std::shared_lock lock(mutex_);
    for (const Family& family : families_) {
      prometheus::MetricFamily& shown = families.emplace_back();
      shown.name = family.name;
      shown.help = family.help;
      shown.type = type_of(family.kind);
      for (const Series& series : family.series) shown.metric.push_back(line_of(family.kind, series));
      for (const Distribution& distribution : family.distributions) shown.metric.push_back(lines_of(distribution));
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace brine::metrics
