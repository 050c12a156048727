#include "config/daemon_main.h"

#include "base/version.h"

namespace brine::config {

int parse_daemon_arguments(int argc, char** argv, const DaemonText& text, DaemonArguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool has_value = i + 1 < argc;
    if ((argument == "-c" || argument == "--config-dir") && has_value) {
      arguments.config_dir = argv[++i];
    } else if ((argument == "-l" || argument == "--log-level") && has_value) {
      arguments.log_level = argv[++i];
    } else if (argument == "--check-config") {
      arguments.check = true;
    } else if (argument == "--version") {
      std::printf("%s %s\n", text.program, kVersion);
      return 0;
    } else if (argument == "--help" || argument == "-h") {
      std::fputs(text.help, stdout);
      return 0;
    } else {
      std::fprintf(stderr, "%s: unknown or incomplete option '%s'\n\n%s", text.program, argument.c_str(), text.help);
      return kExitConfig;
    }
  }
  return -1;
}

int exit_with(const DaemonText& text, const Error& error) {
  std::fprintf(stderr, "%s: %s\n", text.program, error.message.c_str());
  return error.code == Code::kInvalid || error.code == Code::kDenied ? kExitConfig : kExitUnavailable;
}

}  // namespace brine::config
