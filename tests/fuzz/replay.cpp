// SPDX-License-Identifier: Apache-2.0
// Runs programs of the command-stream fuzzer without libFuzzer.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/mutator.hpp"
#include "tests/fuzz/runner.hpp"

namespace {

using namespace systole::fuzz;

constexpr const char *kUsage =
    "usage: fuzz_replay [--text] [--require-all] [--random COUNT] [--seed SEED] [--write FOLDER] [FILE or FOLDER]...\n"
    "  --text         prints each program\n"
    "  --require-all  fails unless together they complete every command kind and reach every error\n"
    "  --random       also COUNT random programs\n"
    "  --write        keeps those of them that reach something new, as files\n";

struct Total {
  Features features;
  uint64_t programs = 0, cycles = 0;
  bool text = false;
};

/// @returns false after a line about the rule that was broken
bool replay(const std::string &name, const std::vector<uint8_t> &bytes, Total &total) {
  const Program program = parse(bytes.data(), bytes.size());
  if (total.text) std::printf("%s:\n%s", name.c_str(), text(program).c_str());
  try {
    const Outcome outcome = run(program);
    ++total.programs;
    total.cycles += outcome.cycles;
    total.features |= outcome.features;
    if (total.text) {
      std::printf("%llu cycles", static_cast<unsigned long long>(outcome.cycles));
      for (unsigned i = 0; i < kFeatures; ++i)
        if (outcome.features[i]) std::printf("; %s", feature_name(i).c_str());
      std::printf("\n");
    }
    return true;
  } catch (const Violation &violation) {
    std::printf("fuzz: %s; replay: fuzz_replay --text %s\n", violation.what(), name.c_str());
    return false;
  }
}

bool required(unsigned feature) {
  if (feature == kErrors || (feature >= kErrorsOf && feature < kErrorsOf + 64)) return false;
  if (feature > kErrors && feature < kErrorsOf) return feature - kErrors <= kLastError;
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  std::vector<std::string> files;
  Total total;
  bool all = false;
  uint64_t random = 0, seed = 1;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--text") {
      total.text = true;
    } else if (word == "--require-all") {
      all = true;
    } else if (word == "--random" && more) {
      random = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--seed" && more) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (word == "--write" && more) {
      folder = argv[++i];
    } else if (word.rfind("--", 0) == 0) {
      std::fputs(kUsage, stderr);
      return 2;
    } else if (std::filesystem::is_directory(word)) {
      for (const auto &entry : std::filesystem::directory_iterator(word)) files.push_back(entry.path().string());
    } else {
      files.push_back(word);
    }
  }
  std::sort(files.begin(), files.end());
  for (const std::string &file : files) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
      std::fprintf(stderr, "fuzz_replay: cannot read %s\n", file.c_str());
      return 2;
    }
    const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!replay(file, bytes, total)) return 1;
  }
  if (files.empty() && random == 0) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  for (uint64_t i = 0; i < random; ++i) {
    Random source(seed + i);
    Program program = random_program(source);
    if (!source.one_in(3)) mutate(program, source);
    const std::vector<uint8_t> bytes = serialise(program);
    const Features before = total.features;
    const std::string name = "random-" + std::to_string(seed + i);
    const bool good = replay(name, bytes, total);
    if (!folder.empty() && (!good || total.features != before)) {
      std::ofstream out(folder + "/" + name, std::ios::binary);
      out.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      if (!out.flush()) {
        std::fprintf(stderr, "fuzz_replay: cannot write to %s\n", folder.c_str());
        return 2;
      }
    }
    if (!good) return 1;
  }
  std::printf("fuzz: %llu programs, %llu cycles, no rule broken\n", static_cast<unsigned long long>(total.programs),
              static_cast<unsigned long long>(total.cycles));
  bool complete = true;
  for (unsigned i = 0; i < kFeatures; ++i) {
    if (!all || !required(i) || total.features[i]) continue;
    std::printf("fuzz: NOT REACHED: %s\n", feature_name(i).c_str());
    complete = false;
  }
  return complete ? 0 : 1;
}
