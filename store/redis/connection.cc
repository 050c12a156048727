#include "store/redis/connection.h"

#include <hiredis/hiredis.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "base/secret_file.h"

namespace brine::store::redis {
namespace {

timeval timeval_of(milliseconds duration) {
  return {static_cast<time_t>(duration.count() / 1000), static_cast<suseconds_t>(duration.count() % 1000 * 1000)};
}

struct Meaning {
  std::string_view prefix;
  Code code;
  std::string_view text;
};

constexpr Meaning kMeanings[] = {
    {"OOM ", Code::kUnavailable, "is full (maxmemory): give it more memory, or keep less in it (the store: a shorter keep_jobs_seconds)"},
    {"READONLY ", Code::kUnavailable, "is a replica: it takes no changes"},
    {"LOADING ", Code::kUnavailable, "is still loading its data"},
    {"MASTERDOWN ", Code::kUnavailable, "has lost its master"},
    {"NOREPLICAS ", Code::kUnavailable, "has fewer replicas than min-replicas-to-write asks for"},
    {"NOSCRIPT ", Code::kUnavailable, "has forgotten our scripts"},
    {"MISCONF ", Code::kUnavailable, "cannot write to its disk, and therefore takes no changes"},
    {"BUSY ", Code::kUnavailable, "is busy with a script"},
    {"WRONGPASS ", Code::kDenied, "refuses user or password: look at the user and the password_file beside its url"},
    {"NOAUTH ", Code::kDenied, "wants a password: set password_file beside its url"},
    {"ERR AUTH ", Code::kDenied, "has no password set, but one was given: look at the password_file beside its url"},
    {"NOPERM ", Code::kDenied, "does not give this user the rights it needs"},
    {"ERR DB index", Code::kInvalid, "has no such database"},
    {"FENCED ", Code::kDenied, "has given this master's lease up"},
    {"FOREIGN ", Code::kCorrupt, "has been emptied, or holds another store than before"},
    {"WRONGTYPE ", Code::kCorrupt, "holds something else under one of our keys"},
};

}  // namespace

Error error_of(std::string_view text, const std::string& address) {
  for (const Meaning& meaning : kMeanings) {
    if (text.starts_with(meaning.prefix))
      return {meaning.code, "redis " + address + " " + std::string(meaning.text) + " (" + std::string(text) + ")"};
  }
  return {Code::kInternal, "redis " + address + ": " + std::string(text)};
}

Result<Login> read_login(std::string user, const std::string& password_file, int database) {
  Login login{.user = std::move(user), .password = "", .database = database};
  if (password_file.empty()) return login;
  BRINE_LET(login.password, read_secret(password_file));
  return login;
}

void Connection::close(redisContext* context) { redisFree(context); }

Connection::Connection(redisContext* context, std::string address) : context_(context, &close), address_(std::move(address)) {}

Result<Connection> Connection::open(const Address& address, const Login& login, milliseconds patience) {
  const timeval limit = timeval_of(patience);
  redisContext* context = address.host.empty() ? redisConnectUnixWithTimeout(address.path.c_str(), limit)
                                               : redisConnectWithTimeout(address.host.c_str(), address.port, limit);
  if (context == nullptr) return fail(Code::kUnavailable, "redis " + address.text() + ": no memory for a connection");
  Connection connection(context, address.text());
  if (context->err != 0) return std::unexpected(connection.lost());
  if (redisSetTimeout(context, limit) != REDIS_OK) return std::unexpected(connection.lost());
  BRINE_TRY(connection.greet(login));
  return connection;
}

Status Connection::greet(const Login& login) {
  if (!login.password.empty()) {
    Words words{"AUTH"};
    if (!login.user.empty()) words.push_back(login.user);
    words.push_back(login.password);
    BRINE_TRY(ask(words));
  }
  if (login.database != 0) BRINE_TRY(ask({"SELECT", std::to_string(login.database)}));
  return {};
}

Error Connection::lost() {
  std::string why = "redis " + address_ + " is away: ";
  if (context_->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK)) {
    why += "no answer in time";
  } else {
    why += context_->errstr[0] != '\0' ? context_->errstr : "the connection is closed";
  }
  if (context_->err == 0) context_->err = REDIS_ERR_OTHER;
  return {Code::kUnavailable, std::move(why)};
}

void Connection::add(const Words& words) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  starts.reserve(words.size());
  sizes.reserve(words.size());
  for (const std::string_view word : words) {
    starts.push_back(word.data());
    sizes.push_back(word.size());
  }
  redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), starts.data(), sizes.data());
  ++waiting_;
}

Result<Reply> Connection::next() {
  void* raw = nullptr;
  errno = 0;
  if (context_->err != 0 || redisGetReply(context_.get(), &raw) != REDIS_OK || raw == nullptr) return std::unexpected(lost());
  --waiting_;
  Reply reply(static_cast<redisReply*>(raw));
  if (reply.view().is_error()) return std::unexpected(error_of(reply.view().text(), address_));
  return reply;
}

Result<Reply> Connection::ask(const Words& words) {
  add(words);
  return next();
}

bool Connection::alive() const { return context_->err == 0; }

void Connection::skip_rest() {
  while (waiting_ > 0) {
    if (auto reply = next(); !reply && context_->err != 0) return;
  }
}

void Connection::interrupt() { ::shutdown(context_->fd, SHUT_RDWR); }

Status Connection::set_patience(milliseconds patience) {
  if (redisSetTimeout(context_.get(), timeval_of(patience)) != REDIS_OK) return std::unexpected(lost());
  return {};
}

}  // namespace brine::store::redis
