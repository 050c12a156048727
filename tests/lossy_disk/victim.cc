// The program that lossy_disk_test kills. It prints a line for everything it was told is safe, and goes on until it is killed.
//
//   files FOLDER STEP...     does the steps, prints "done", waits. A step: write:NAME:OFFSET:TEXT  append:NAME:TEXT  empty:NAME
//                            cut:NAME:SIZE  sync:NAME  sync-folder  rename:OLD:NEW  unlink:NAME
//   threads FOLDER           four threads append numbers to a file each and sync it: "THREAD NUMBER"
//   store FOLDER             commits batches to a brine store: "NUMBER"
//   unsynced FOLDER          the same with bare sqlite and synchronous=OFF
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "store/sqlite_store.h"

namespace {

using namespace brine;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "lossy_disk_victim: %s\n", why.c_str());
  std::_Exit(2);
}

void must(bool done, const std::string& what) {
  if (!done) give_up(what);
}

// One write(), so that lines of several threads do not mix.
void say(const std::string& text) {
  const std::string line = text + "\n";
  must(::write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size()), "cannot write");
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts{""};
  for (const char c : text) {
    if (c == ':') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

int opened(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  must(fd >= 0, "cannot open " + path);
  return fd;
}

void put(int fd, const std::string& text, long offset) {
  const ssize_t count = offset < 0 ? ::write(fd, text.data(), text.size()) : ::pwrite(fd, text.data(), text.size(), offset);
  must(count == static_cast<ssize_t>(text.size()), "short write");
  ::close(fd);
}

void sync(int fd) {
  must(::fsync(fd) == 0, "cannot sync");
  ::close(fd);
}

void take_step(const std::string& folder, const std::vector<std::string>& step) {
  const std::string& verb = step.at(0);
  const auto path = [&](std::size_t i) { return folder + "/" + step.at(i); };
  if (verb == "write") return put(opened(path(1), O_WRONLY | O_CREAT), step.at(3), std::atol(step.at(2).c_str()));
  if (verb == "append") return put(opened(path(1), O_WRONLY | O_CREAT | O_APPEND), step.at(2), -1);
  if (verb == "empty") return void(::close(opened(path(1), O_WRONLY | O_TRUNC)));
  if (verb == "cut") return must(::truncate(path(1).c_str(), std::atol(step.at(2).c_str())) == 0, "cannot cut");
  if (verb == "sync") return sync(opened(path(1), O_RDONLY));
  if (verb == "sync-folder") return sync(opened(folder, O_RDONLY | O_DIRECTORY));
  if (verb == "rename") return must(::rename(path(1).c_str(), path(2).c_str()) == 0, "cannot rename");
  if (verb == "unlink") return must(::unlink(path(1).c_str()) == 0, "cannot unlink");
  give_up("no such step: " + verb);
}

void run_threads(const std::string& folder) {
  std::vector<std::thread> threads;
  std::vector<int> fds;
  for (int t = 0; t < 4; ++t) fds.push_back(opened(folder + "/" + std::to_string(t), O_WRONLY | O_CREAT | O_APPEND));
  sync(opened(folder, O_RDONLY | O_DIRECTORY));
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t, fd = fds[static_cast<std::size_t>(t)]] {
      for (int number = 1;; ++number) {
        const std::string line = std::to_string(number) + "\n";
        must(::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()), "short write");
        must(::fdatasync(fd) == 0, "cannot sync");
        say(std::to_string(t) + " " + std::to_string(number));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

store::Batch batch_of(int number) {
  store::Batch batch;
  store::JobRecord job;
  job.jid = job_id_at(1'790'000'000'000'000 + number);
  for (std::size_t i = 0; i < 4; ++i) job.submission.bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  for (int i = 0; i < 20; ++i) job.expected.push_back(MinionId::trusted("m" + std::to_string(100 + i)));
  for (const auto& id : job.expected) {
    store::ReturnRecord value;
    value.jid = job.jid;
    value.minion = id;
    value.payload = std::string(200, 'x');
    batch.returns.push_back(std::move(value));
  }
  batch.jobs.push_back(std::move(job));
  return batch;
}

void run_store(const std::string& folder) {
  auto opened = store::open_sqlite_store({.folder = folder + "/state", .checkpoint_pages = 100});
  if (!opened) give_up(opened.error().message);
  for (int number = 1;; ++number) {
    const auto outcome = (*opened)->commit(batch_of(number));
    if (!outcome) give_up(outcome.error().message);
    say(std::to_string(number));
  }
}

void run_unsynced(const std::string& folder) {
  sqlite3* handle = nullptr;
  const auto execute = [&](const std::string& sql) {
    must(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK, sql);
  };
  must(sqlite3_open((folder + "/raw.db").c_str(), &handle) == SQLITE_OK, "cannot open");
  execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(n INTEGER PRIMARY KEY); PRAGMA wal_checkpoint(TRUNCATE)");
  sync(opened(folder, O_RDONLY | O_DIRECTORY));
  execute("PRAGMA synchronous=OFF");
  for (int number = 1;; ++number) {
    execute("INSERT INTO t VALUES(" + std::to_string(number) + ")");
    say(std::to_string(number));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) give_up("usage: lossy_disk_victim files|threads|store|unsynced FOLDER [STEP...]");
  const std::string mode = argv[1];
  const std::string folder = argv[2];
  if (mode == "threads") run_threads(folder);
  if (mode == "store") run_store(folder);
  if (mode == "unsynced") run_unsynced(folder);
  for (int i = 3; i < argc; ++i) take_step(folder, split(argv[i]));
  say("done");
  ::pause();
  return 0;
}
