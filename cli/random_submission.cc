#include "cli/random_submission.h"

#include <sys/random.h>

#include <cerrno>

namespace brine::cli {

Result<SubmissionId> random_submission() {
  SubmissionId id;
  if (::getrandom(id.bytes.data(), id.bytes.size(), 0) != static_cast<ssize_t>(id.bytes.size()))
    return fail_errno("cannot draw a random number", errno);
  return id;
}

}  // namespace brine::cli
