#include "returners/webhook/http_post.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"

namespace brine::returners {
namespace {

constexpr std::size_t kKeptOfAnswer = 4'096;
constexpr std::size_t kLongestAnswer = 64U << 10;  // then the connection is given up
constexpr std::size_t kLongestLine = 200;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

using Easy = std::unique_ptr<CURL, Freer<&curl_easy_cleanup>>;
using Url = std::unique_ptr<CURLU, Freer<&curl_url_cleanup>>;
using Text = std::unique_ptr<char, Freer<&curl_free>>;
using List = std::unique_ptr<curl_slist, Freer<&curl_slist_free_all>>;

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  return Text(text).get();
}

// The address without its query; kInvalid when it cannot be used.
Result<std::string> checked(const std::string& address) {
  const Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK)
    return fail(Code::kInvalid, "url '" + address + "' is none: it has the form https://host[:port]/path");
  const std::string scheme = part_of(url.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") return fail(Code::kInvalid, "url '" + address + "': it has to begin with https:// or http://");
  if (!part_of(url.get(), CURLUPART_USER).empty() || !part_of(url.get(), CURLUPART_PASSWORD).empty())
    return fail(Code::kInvalid, "user and password do not belong into url: set an Authorization in headers");
  for (const CURLUPart part : {CURLUPART_QUERY, CURLUPART_FRAGMENT}) curl_url_set(url.get(), part, nullptr, 0);
  return part_of(url.get(), CURLUPART_URL);
}

std::string first_line_of(std::string_view body) {
  std::string line(body.substr(0, std::min(body.find_first_of("\r\n"), kLongestLine)));
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

struct Received {
  std::string begin;
  std::size_t size = 0;
};

std::size_t receive(char* bytes, std::size_t, std::size_t count, void* context) {
  auto& received = *static_cast<Received*>(context);
  received.begin.append(bytes, std::min(count, kKeptOfAnswer - received.begin.size()));
  received.size += count;
  return received.size <= kLongestAnswer ? count : 0;
}

int go_on(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(context)->stop_requested() ? 1 : 0;
}

List list_of(const std::vector<std::string>& headers) {
  List list;
  for (const std::string& header : headers) {
    if (curl_slist* longer = curl_slist_append(list.get(), header.c_str())) {
      (void)list.release();
      list.reset(longer);
    }
  }
  return list;
}

}  // namespace

struct HttpPost::Native {
  Easy easy{curl_easy_init()};
  std::string name;
  std::array<char, CURL_ERROR_SIZE> why{};

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(easy.get(), option, value);
  }
  template <typename Value>
  Value get(CURLINFO info) const {
    Value value{};
    curl_easy_getinfo(easy.get(), info, &value);
    return value;
  }

  void prepare(const std::string& url, const std::string& ca_file) {
    set(CURLOPT_URL, url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!ca_file.empty()) {
      set(CURLOPT_CAINFO, ca_file.c_str());
      set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
    }
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_USERAGENT, "brine");
    set(CURLOPT_ERRORBUFFER, why.data());
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &go_on);
    set(CURLOPT_WRITEFUNCTION, &receive);
  }

  Error error_of(CURLcode code, milliseconds patience) const {
    if (code == CURLE_ABORTED_BY_CALLBACK) return {Code::kUnavailable, "stopped before " + name + " had answered"};
    if (code == CURLE_OPERATION_TIMEDOUT)
      return {Code::kUnavailable, name + " gave no answer within " + std::to_string(patience.count()) + " ms (timeout): " + why.data()};
    return {Code::kUnavailable, name + " is away: " + (why[0] != '\0' ? why.data() : curl_easy_strerror(code))};
  }

  HttpAnswer answer_of(const Received& received) const {
    const char* redirect = get<char*>(CURLINFO_REDIRECT_URL);
    return {.status = get<long>(CURLINFO_RESPONSE_CODE),
            .first_line = first_line_of(received.begin),
            .redirect = redirect == nullptr ? "" : redirect,
            .retry_after = seconds(get<curl_off_t>(CURLINFO_RETRY_AFTER))};
  }
};

HttpPost::HttpPost(std::unique_ptr<Native> native) : native_(std::move(native)) {}
HttpPost::HttpPost(HttpPost&&) noexcept = default;
HttpPost& HttpPost::operator=(HttpPost&&) noexcept = default;
HttpPost::~HttpPost() = default;

const std::string& HttpPost::name() const { return native_->name; }

Result<HttpPost> HttpPost::open(const std::string& url, const std::string& ca_file) {
  auto native = std::make_unique<Native>();
  if (!native->easy) return fail(Code::kInternal, "libcurl does not start");
  BRINE_LET(native->name, checked(url));
  if (!ca_file.empty()) {
    if (auto readable = read_file(ca_file); !readable) return fail(std::move(readable.error()), "ca_file");
  }
  native->prepare(url, ca_file);
  return HttpPost(std::move(native));
}

Result<HttpAnswer> HttpPost::post(std::string_view body, const std::vector<std::string>& headers, milliseconds patience,
                                  const std::stop_token& stop) {
  const List list = list_of(headers);
  Received received;
  native_->why[0] = '\0';
  native_->set(CURLOPT_HTTPHEADER, list.get());
  native_->set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  native_->set(CURLOPT_POSTFIELDS, body.data());
  native_->set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::max(patience, milliseconds(1)).count()));
  native_->set(CURLOPT_XFERINFODATA, &stop);
  native_->set(CURLOPT_WRITEDATA, &received);
  const CURLcode code = curl_easy_perform(native_->easy.get());
  native_->set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  const bool cut = code == CURLE_WRITE_ERROR && received.size > kLongestAnswer;
  if (code != CURLE_OK && !cut) return std::unexpected(native_->error_of(code, patience));
  return native_->answer_of(received);
}

}  // namespace brine::returners
