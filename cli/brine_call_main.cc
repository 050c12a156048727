#include "cli/brine_call.h"
#include "cli/words.h"

int main(int argc, char** argv) {
  const brine::cli::Interrupts interrupts;
  brine::cli::StandardTerminal terminal(interrupts.fd());
  return brine::cli::run_brine_call(brine::cli::words_of(argc, argv), terminal);
}
