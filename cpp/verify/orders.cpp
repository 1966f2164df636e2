#include "orders.hpp"

#include <algorithm>

namespace verify {

namespace {

const Weakening* active = nullptr;
std::vector<Site>& met() {
  static std::vector<Site> sites;
  return sites;
}

constexpr const char* calls[] = {
    "none", "create", "attach", "metadata", "reserve", "publish", "answer", "release", "cancel", "abandon", "reclaim",   "post",
    "look", "poll",   "take",   "skip",     "respond", "finish",  "count",  "drain",   "reset",  "wait",    "abandoned", "spin",
};
constexpr const char* operations[] = {"load", "store", "swap", "or", "fence"};
constexpr const char* fields[] = {
    "",           "identity",      "metadata_free", "metadata_written",
    "free_bytes", "written_bytes", "written_count", "read_count",
    "writer_pid", "reader_pid",    "state",         "flags",
    "other",
};

}  // namespace

void weaken(const Weakening* weakening) { active = weakening; }

bool is_left_out(const Site& site) {
  return active != nullptr && std::find(active->sites.begin(), active->sites.end(), site) != active->sites.end();
}

Order order_of(const Site& site, Order shipped) {
  if (shipped != Order::relaxed && site.call != Call::none && active == nullptr &&
      std::find(met().begin(), met().end(), site) == met().end()) {
    // Relacy counts what is allocated while it runs, so room was made before.
    if (met().size() < met().capacity()) met().push_back(site);
  }
  return is_left_out(site) ? Order::relaxed : shipped;
}

void prepare_notes() { met().reserve(256); }

std::vector<std::string> unnamed_sites() {
  std::vector<std::string> unnamed;
  for (const Site& site : met()) {
    const bool named = std::any_of(weakenings().begin(), weakenings().end(), [&](const Weakening& w) {
      return std::find(w.sites.begin(), w.sites.end(), site) != w.sites.end();
    });
    if (!named) unnamed.push_back(describe(site));
  }
  return unnamed;
}

std::string describe(const Site& site) {
  std::string text = std::string(calls[static_cast<int>(site.call)]) + " " + operations[static_cast<int>(site.operation)];
  if (site.operation != Operation::fence)
    text += std::string(site.response_block ? " response." : " ") + fields[static_cast<int>(site.field)];
  if (site.value != 0) text += "=" + std::to_string(site.value);
  return text;
}

}  // namespace verify
