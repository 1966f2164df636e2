#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "machine.hpp"

namespace verify {

/// Orders of the shipped code that are weakened together, and what must come of it.
struct Weakening {
  const char* name;
  const char* scenario;
  std::vector<Site> sites;  // their orders become relaxed, fences are left out
  bool matters;             // whether a scenario must fail
  const char* why;          // for one that does not matter: what makes up for it
};

[[nodiscard]] const std::vector<Weakening>& weakenings();

/// Makes room for what order_of() notes; before anything runs.
void prepare_notes();
/// The one that is on; null for the shipped code.
void weaken(const Weakening* weakening);
/// The order that an operation has now. Notes that the site exists. Nothing: left out.
[[nodiscard]] Order order_of(const Site& site, Order shipped);
[[nodiscard]] bool is_left_out(const Site& site);
/// Sites with an order stronger than relaxed that were met and that no weakening names.
[[nodiscard]] std::vector<std::string> unnamed_sites();
[[nodiscard]] std::string describe(const Site& site);

}  // namespace verify
