#include "cli/brine_key.h"
#include "cli/words.h"

int main(int argc, char** argv) {
  brine::cli::StandardTerminal terminal;
  return brine::cli::run_brine_key(brine::cli::words_of(argc, argv), terminal);
}
