// How jobs are found, newest first: by the most selective index there is for a query. Each is a search in one index, never a walk through a
// table, and never sorts. ?1: first jid, ?2: end of the jids (not included), ?3: the text asked for.
#pragma once

#include <array>
#include <cstddef>

#include "store/job_query.h"
#include "store/sqlite/rows.h"

namespace brine::store::sqlite {

#define BRINE_FROM_JOBS(index) "SELECT " BRINE_SUMMARY_COLUMNS " FROM jobs j " index " JOIN progress p ON p.jid = j.jid WHERE "
#define BRINE_IN_ORDER "j.jid >= ?1 AND j.jid < ?2 ORDER BY j.jid DESC"

enum class JobIndex : std::size_t { kJid, kFunction, kUser, kTarget, kFailed };

constexpr std::array<const char*, 5> kJobQueries{
    BRINE_FROM_JOBS("") BRINE_IN_ORDER,
    BRINE_FROM_JOBS("INDEXED BY jobs_by_function") "j.function = ?3 AND " BRINE_IN_ORDER,
    BRINE_FROM_JOBS("INDEXED BY jobs_by_user") "j.user = ?3 AND " BRINE_IN_ORDER,
    BRINE_FROM_JOBS("INDEXED BY jobs_by_target") "substr(j.target, 1, 128) = substr(?3, 1, 128) AND " BRINE_IN_ORDER,
    "SELECT " BRINE_SUMMARY_COLUMNS
    " FROM progress p INDEXED BY progress_of_failures CROSS JOIN jobs j ON j.jid = p.jid "
    "WHERE p.failed > 0 AND p.jid >= ?1 AND p.jid < ?2 ORDER BY p.jid DESC",
};

#undef BRINE_FROM_JOBS
#undef BRINE_IN_ORDER

}  // namespace brine::store::sqlite
