// The exit statuses of every program here.
#pragma once

namespace brine::cli {

inline constexpr int kSucceeded = 0;
inline constexpr int kFunctionFailed = 1;     // some function or runner failed
inline constexpr int kMinionMissing = 2;      // some minion did not answer; stronger than kFunctionFailed
inline constexpr int kNoMatch = 3;            // no minion or key matched
inline constexpr int kUsageOrConnection = 4;  // wrong usage or configuration, no master, or it refused
inline constexpr int kInterrupted = 130;      // Ctrl-C, as shells number it

}  // namespace brine::cli
