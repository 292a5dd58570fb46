// The production program: people only, no scripted operator.
#include "ceremony/program.h"

int main(int argc, char** argv) { return ceremony::run_program(argc, argv, {}); }
