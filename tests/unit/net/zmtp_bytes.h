// ZMTP bytes as a peer sends them: https://rfc.zeromq.org/spec/37/.
#pragma once

#include <string>
#include <string_view>

namespace brine::net {

// What a DEALER of libzmq 4.3.4 sends, captured from a socket.
std::string libzmq_greeting();
std::string libzmq_ready();

std::string greeting(unsigned char major, unsigned char minor, std::string_view mechanism, bool as_server = false);
std::string property(std::string_view name, std::string_view value);
std::string command(std::string_view name, std::string_view data);
// flags 0, or 2 with an eight-byte length.
std::string message(std::string_view body);
// The header alone, with any flags and length.
std::string header(unsigned char flags, unsigned long long size);

}  // namespace brine::net
