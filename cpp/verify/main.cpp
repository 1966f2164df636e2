// Checks the memory orders of the ring's real code.
//
//   ring-orders list           the names of all checks
//   ring-orders run NAME       runs one; the last line is ITERATIONS<tab>OUTCOME; exit code 0: as expected
//   ring-orders sites          every ordered operation that the scenarios meet

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "orders.hpp"
#include "scenario.hpp"

namespace verify {

namespace {

// Weakenings that matter are found within a few hundred.
constexpr std::uint64_t shipped_iterations = 200000;
constexpr std::uint64_t weakened_iterations = 50000;

const Scenario* find(const char* name) {
  for (const Scenario& s : scenarios()) {
    if (std::strcmp(s.name, name) == 0) return &s;
  }
  return nullptr;
}

int report(const Outcome& outcome, bool as_expected, const std::string& text) {
  std::printf("%llu\t%s\n", static_cast<unsigned long long>(outcome.iterations), text.c_str());
  return as_expected ? 0 : 1;
}

int run_shipped(const Scenario& scenario) {
  const Outcome outcome = simulate(scenario, shipped_iterations);
  return report(outcome, !outcome.failed, outcome.failed ? std::string("error: ") + outcome.why : "0 errors");
}

int run_weakened(const Weakening& weakening) {
  const Scenario* const scenario = find(weakening.scenario);
  if (scenario == nullptr) return 2;
  weaken(&weakening);
  const Outcome outcome = simulate(*scenario, weakened_iterations);
  if (weakening.matters) {
    return report(outcome, outcome.failed, outcome.failed ? std::string("found: ") + outcome.why : "the weakening was NOT found");
  }
  return report(outcome, !outcome.failed,
                outcome.failed ? std::string("it matters: ") + outcome.why : std::string("redundant: ") + weakening.why);
}

/// Every ordered operation must have its row.
int run_sites(bool print) {
  Outcome last{0, false, ""};
  for (const Scenario& s : scenarios()) last = simulate(s, 2000);
  const auto unnamed = unnamed_sites();
  for (const std::string& site : unnamed) std::printf("no row: %s\n", site.c_str());
  if (print) return 0;
  return report(
      last, unnamed.empty(),
      unnamed.empty() ? "every ordered operation has its row" : std::to_string(unnamed.size()) + " operations have no row");
}

int list() {
  for (const Scenario& s : scenarios()) std::printf("orders_%s\n", s.name);
  std::printf("orders_all-named\n");
  for (const Weakening& w : weakenings()) std::printf("orders_%s_%s\n", w.scenario, w.name);
  return 0;
}

int run(const std::string& name) {
  if (name == "orders_all-named") return run_sites(false);
  for (const Scenario& s : scenarios()) {
    if (name == std::string("orders_") + s.name) return run_shipped(s);
  }
  for (const Weakening& w : weakenings()) {
    if (name == std::string("orders_") + w.scenario + "_" + w.name) return run_weakened(w);
  }
  std::fprintf(stderr, "no check %s\n", name.c_str());
  return 2;
}

}  // namespace

}  // namespace verify

int main(int argc, char** argv) {
  verify::prepare_notes();
  if (argc == 2 && std::strcmp(argv[1], "list") == 0) return verify::list();
  if (argc == 2 && std::strcmp(argv[1], "sites") == 0) return verify::run_sites(true);
  if (argc == 3 && std::strcmp(argv[1], "run") == 0) return verify::run(argv[2]);
  std::fprintf(stderr, "usage: ring-orders list | run NAME | sites\n");
  return 2;
}
