#include "config/syslog_address.h"

#include "config/address.h"

namespace brine::config {
namespace {

using Transport = SyslogAddress::Transport;

constexpr std::uint16_t kUdpPort = 514;
constexpr std::uint16_t kTcpPort = 601;

std::unexpected<Error> wrong(std::string_view text, std::string_view what) {
  return fail(Code::kInvalid, "'" + std::string(text) + "' " + std::string(what));
}

Result<SyslogAddress> parse_path(std::string_view text, std::string_view path) {
  const auto local = parse_address("ipc://" + std::string(path));
  if (!local) return wrong(text, "does not name a socket: unix:// and an absolute path of at most 107 bytes, unix:///dev/log");
  return SyslogAddress{.transport = Transport::kUnix, .path = local->ipc_path};
}

Result<SyslogAddress> parse_host(std::string_view text, Transport transport, std::string_view rest) {
  const auto address = parse_address(rest);
  if (!address || address->is_ipc() || rest.contains("://")) return wrong(text, "is not host:port after its scheme, as in tcp://logs:601");
  const std::uint16_t usual = transport == Transport::kUdp ? kUdpPort : kTcpPort;
  return SyslogAddress{.transport = transport, .host = address->host, .port = address->port == 0 ? usual : address->port};
}

}  // namespace

Result<SyslogAddress> parse_syslog_address(std::string_view text) {
  const auto after = [text](std::string_view scheme) { return text.substr(scheme.size()); };
  if (text.starts_with("unix://")) return parse_path(text, after("unix://"));
  if (text.starts_with("tcp://")) return parse_host(text, Transport::kTcp, after("tcp://"));
  if (text.starts_with("udp://")) return parse_host(text, Transport::kUdp, after("udp://"));
  if (text.starts_with("tls://") || text.starts_with("syslog-tls://"))
    return wrong(text, "asks for TLS, which is not offered: send to a relay on this machine (docs/returners.md)");
  return wrong(text, "must begin with unix://, tcp:// or udp://");
}

}  // namespace brine::config
