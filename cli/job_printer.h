// What the user sees of a job. Confined to one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/job_session.h"
#include "cli/output/printer.h"
#include "cli/terminal.h"

namespace brine::cli {

struct JobDisplay {
  bool collect = false;   // --static: one value at the end
  bool verbose = false;   // the jid first, and minions that turned out not to match
  bool progress = false;  // a line on standard error, if that is a terminal; large targets get one anyway
  bool detached = false;  // --async
};

class JobPrinter final : public JobListener {
 public:
  JobPrinter(const Printer& printer, JobDisplay display, Terminal& terminal);

  void accepted(const wire::Accepted& accepted) override;
  void returned(const wire::MinionReturn& value) override;
  void finished(const wire::Finished& finished) override;
  void connection_lost(const Error& reason) override;
  void idle() override;

  // With --static: prints what has come so far, when the job does not finish.
  void give_up();

  // Of what was told: kMinionMissing before kFunctionFailed before kSucceeded.
  int exit_status() const;

 private:
  void show_jid(const std::string& jid);
  void show_progress();
  void clear_progress();
  void show_missing(const wire::Missing& missing);
  void show_collected();

  const Printer& printer_;
  const JobDisplay display_;
  Terminal& terminal_;
  std::map<std::string, Entry> collected_;
  std::map<std::string, std::string> missing_blocks_;  // with --static, by minion
  std::size_t expected_ = 0;
  std::size_t answered_ = 0;
  bool show_progress_ = false;
  bool progress_shown_ = false;
  MonoTime next_progress_{};
  bool failed_ = false;
  bool missing_ = false;
};

// "Not connected" for not_connected.
std::string label_of(std::string_view state);

}  // namespace brine::cli
