// Places where a test may have the process killed (kill -9 on itself), to show that nothing is lost there.
//
// A build with BRINE_CRASH_POINTS asks the environment at start: BRINE_CRASH_AT="master.before_job_commit" or "name:3" for the third
// passage, BRINE_CRASH_LOG=file, to which one line is appended before the process dies: the proof that the point fired.
// Release builds contain nothing of it. The names are listed in ARCHITECTURE.md beside the steps of a job; thread-safe.
#pragma once

#ifdef BRINE_CRASH_POINTS
namespace brine {
void crash_point(const char* name);
}
#define BRINE_CRASH_POINT(name) ::brine::crash_point(name)
#else
#define BRINE_CRASH_POINT(name) static_cast<void>(0)
#endif
