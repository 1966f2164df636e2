// Runs a fuzz target where libFuzzer is not, with its own seeded mutations and the flags of libFuzzer that we use:
//
//     fuzz-ring [-runs=N] [-max_total_time=SECONDS] [-seed=N] [FILE|FOLDER]...
//
// Without -runs and -max_total_time the files given are run once. An input that ends the process is written to crash-<seed>-<run>.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "target.hpp"

namespace {

using Input = std::vector<std::uint8_t>;

constexpr unsigned longest_batch = 60;  // seconds, far more than the inputs between two alarms take
constexpr std::uint64_t batch = 64;
constexpr std::uint64_t least_share = 100;  // every counter must reach a hundredth of the runs

const Input* running = nullptr;
char crash_file[64];

/// Keeps the input that ended the process, then lets it end.
void keep_input(int signal) {
  const int file = ::open(crash_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file >= 0 && running != nullptr) {
    if (::write(file, running->data(), running->size()) < 0) ::_exit(1);
    ::close(file);
    const char text[] = "fuzz: the input is in a file crash-*\n";
    if (::write(STDERR_FILENO, text, sizeof text - 1) < 0) ::_exit(1);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

class Mutator {
 public:
  Mutator(std::uint64_t seed, const std::vector<Input>& corpus) : seed_(seed), corpus_(corpus) {}

  /// The n-th input depends on nothing but the seed, the corpus and n.
  Input make(std::uint64_t n) {
    random_.seed(seed_ * 0x9E3779B97F4A7C15U + n);
    if (corpus_.empty() || n % 2 == 0) return fresh(n);
    Input input = corpus_[below(corpus_.size())];
    for (std::uint64_t changes = 1 + below(8); changes > 0; --changes) change(input);
    return input;
  }

 private:
  std::uint64_t below(std::uint64_t count) { return random_() % count; }
  std::uint8_t any() { return static_cast<std::uint8_t>(random_()); }

  /// Decisions below 11 and multiples of 16 make a program that does much without interference.
  Input fresh(std::uint64_t n) {
    const std::uint64_t calm = n / 2 % 8;
    Input input(64 + below(300));
    for (std::uint8_t& b : input)
      b = below(7) < calm ? static_cast<std::uint8_t>(below(2) == 0 ? below(11) : 16 * below(16)) : any();
    return input;
  }

  void change(Input& input) {
    const std::uint64_t at = input.empty() ? 0 : below(input.size());
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(5)) {
      case 0:
        if (!input.empty()) *place = any();
        return;
      case 1:
        if (!input.empty()) *place ^= static_cast<std::uint8_t>(1U << below(8));
        return;
      case 2:
        input.insert(place, 1 + below(8), any());
        return;
      case 3:
        input.erase(place, place + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(1 + below(8), input.size() - at)));
        return;
      default: {
        const Input& other = corpus_[below(corpus_.size())];
        const auto from = other.begin() + static_cast<std::ptrdiff_t>(other.empty() ? 0 : below(other.size()));
        input.insert(place, from, from + std::min<std::ptrdiff_t>(32, other.end() - from));
      }
    }
  }

  std::uint64_t seed_;
  const std::vector<Input>& corpus_;
  std::mt19937_64 random_;
};

void read_into(std::vector<Input>& corpus, const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_directory(path)) {
    for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry.path());
  } else {
    files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  for (const auto& name : files) {
    std::ifstream file(name, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "fuzz: cannot read %s\n", name.c_str());
      std::exit(2);
    }
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
}

void run(const Input& input) {
  running = &input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
  running = nullptr;
}

bool take_number(std::string_view argument, std::string_view flag, std::uint64_t& value) {
  if (!argument.starts_with(flag)) return false;
  value = std::strtoull(argument.substr(flag.size()).data(), nullptr, 10);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t runs = 0;
  std::uint64_t seconds = 0;
  std::uint64_t seed = 1;
  std::vector<Input> corpus;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (take_number(argument, "-runs=", runs) || take_number(argument, "-max_total_time=", seconds) ||
        take_number(argument, "-seed=", seed)) {
      continue;
    }
    if (argument.starts_with("-")) {
      std::fprintf(stderr, "fuzz: unknown flag %s\n", argv[i]);
      return 2;
    }
    read_into(corpus, argument);
  }
  for (const int fatal : {SIGABRT, SIGSEGV, SIGBUS, SIGALRM}) ::signal(fatal, keep_input);

  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  std::uint64_t done = 0;
  ::alarm(longest_batch);
  for (const Input& input : corpus) {
    std::snprintf(crash_file, sizeof crash_file, "crash-corpus-%" PRIu64, done++);
    run(input);
  }
  Mutator mutator(seed, corpus);
  const bool more = runs > 0 || seconds > 0;
  for (std::uint64_t n = 0; more && (runs == 0 || n < runs) && (seconds == 0 || elapsed() < static_cast<double>(seconds));
       ++n, ++done) {
    if (n % batch == 0) ::alarm(longest_batch);
    std::snprintf(crash_file, sizeof crash_file, "crash-%" PRIu64 "-%" PRIu64, seed, n);
    run(mutator.make(n));
  }
  ::alarm(0);
  std::printf("%s: %" PRIu64 " executions in %.1f s, seed %" PRIu64, std::filesystem::path(argv[0]).filename().c_str(), done,
              elapsed(), seed);
  bool enough = done > 0;
  for (const zeroduplex::fuzz::Counter* counter : zeroduplex::fuzz::Counter::all()) {
    std::printf(", %s %" PRIu64, counter->name(), counter->count());
    enough = enough && (runs == 0 || counter->count() >= runs / least_share);
  }
  std::printf("\n");
  if (!enough) std::fprintf(stderr, "fuzz: a target that does so little proves nothing\n");
  return enough ? 0 : 1;
}
