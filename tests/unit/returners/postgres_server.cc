#include "tests/unit/returners/postgres_server.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "base/file.h"

namespace brine::returners {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::milliseconds kBetweenLooks{10};

std::string find_binaries() {
  for (const char* folder : {BRINE_TOP "/build/parts/postgresql-15/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/15/bin"}) {
    if (std::filesystem::exists(std::string(folder) + "/postgres")) return folder;
  }
  throw std::runtime_error("there is no PostgreSQL 15: ./dev test --parts unpacks one, package postgresql-15 installs one");
}

bool exits_well(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::vector<pid_t> children_of(pid_t parent) {
  const std::string pid = std::to_string(parent);
  std::ifstream list("/proc/" + pid + "/task/" + pid + "/children");
  return {std::istream_iterator<pid_t>(list), {}};
}

// Not one that waits to be reaped by whoever inherited it.
bool is_running(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string id, name, state;
  return (file >> id >> name >> state) && state != "Z" && state != "X";
}

}  // namespace

void Psql::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Psql::Psql(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

std::vector<std::vector<std::string>> Psql::query(const std::string& sql) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_.get(), sql.c_str()), [](PGresult* one) { PQclear(one); });
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) throw std::runtime_error(sql + ": " + PQerrorMessage(connection_.get()));
  std::vector<std::vector<std::string>> rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      const int index = static_cast<int>(row);
      rows[row].emplace_back(PQgetisnull(result.get(), index, column) == 1 ? "NULL" : PQgetvalue(result.get(), index, column));
    }
  }
  return rows;
}

std::string Psql::value(const std::string& sql) {
  const auto rows = query(sql);
  return rows.empty() || rows[0].empty() ? "" : rows[0][0];
}

PostgresServer::PostgresServer() : binaries_(find_binaries()) {
  if (!exits_well(run("initdb", {"-D", folder_ / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"})))
    throw std::runtime_error("initdb: " + read_file(folder_ / "log").value_or(""));
  std::ofstream(folder_ / "data/pg_hba.conf") << "local all guarded scram-sha-256\nlocal all all trust\n";
  start();
}

PostgresServer::~PostgresServer() {
  if (pid_ > 0) kill();
}

std::string PostgresServer::dsn(const std::string& role) const { return "host=" + folder_.path() + " dbname=postgres user=" + role; }

void PostgresServer::start() {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (pid_ <= 0) {
      pid_ = run("postgres", {"-D", folder_ / "data", "-k", folder_.path(), "-c", "listen_addresses=", "-c", "fsync=off", "-c",
                              "shared_buffers=16MB", "-c", "max_connections=20", "-c", "autovacuum=off"});
    }
    if (PQping(dsn().c_str()) == PQPING_OK) return;
    // Processes of the one that was killed may still have its shared memory: then it ends, and another is started.
    if (int status = 0; ::waitpid(pid_, &status, WNOHANG) == pid_) pid_ = -1;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  throw std::runtime_error("PostgreSQL does not start: " + read_file(folder_ / "log").value_or(""));
}

void PostgresServer::kill() {
  ::kill(pid_, SIGSTOP);  // no new ones meanwhile
  int status = 0;
  ::waitpid(pid_, &status, WUNTRACED);
  const std::vector<pid_t> children = children_of(pid_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) {
    while (is_running(child)) std::this_thread::sleep_for(kBetweenLooks);
  }
}

// It refuses to run as root: in a user namespace without a mapping nobody is.
pid_t PostgresServer::run(const std::string& program, std::vector<std::string> words) const {
  const std::string path = binaries_ + "/" + program;
  const std::string log = folder_ / "log";
  words.insert(words.begin(), path);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  if (::geteuid() == 0 && ::unshare(CLONE_NEWUSER) != 0) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execv(path.c_str(), argv.data());
  ::_exit(127);
}

}  // namespace brine::returners
