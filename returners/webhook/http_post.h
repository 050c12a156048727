// POST requests to one address over one connection that is kept: the only user of libcurl.
//
// Certificates are always verified. Redirects are not followed. Proxies are those of the environment (https_proxy, no_proxy), as curl
// reads it.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace brine::returners {

struct HttpAnswer {
  long status = 0;
  std::string first_line;  // of the body, shortened; without control characters
  std::string redirect;    // where it sends us to; empty: nowhere
  seconds retry_after{0};  // 0: it does not say
};

// Belongs to one thread at a time.
class HttpPost {
 public:
  // kInvalid: an address that is none, of another scheme than http and https, or with a password in it. ca_file: instead of the
  // certificates of the system; empty: those.
  static Result<HttpPost> open(const std::string& url, const std::string& ca_file);

  // headers: "Name: value". Any answer counts, whatever its status; kUnavailable: none came within patience, or a stop was requested
  // (noticed within a second).
  Result<HttpAnswer> post(std::string_view body, const std::vector<std::string>& headers, milliseconds patience,
                          const std::stop_token& stop);

  const std::string& name() const;  // the address without its query, which may be secret

  HttpPost(HttpPost&&) noexcept;
  HttpPost& operator=(HttpPost&&) noexcept;
  ~HttpPost();

 private:
  struct Native;
  explicit HttpPost(std::unique_ptr<Native> native);
  std::unique_ptr<Native> native_;
};

}  // namespace brine::returners
