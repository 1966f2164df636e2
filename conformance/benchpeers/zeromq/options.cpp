#include "options.hpp"

#include <sched.h>

#include <cerrno>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>

namespace peer {

namespace {

template <typename T>
T number(std::string_view flag, std::string_view text, T least) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < least) {
    throw UsageError(std::string(flag) + " \"" + std::string(text) + "\" is no number of at least " + std::to_string(least));
  }
  return value;
}

Touch touch(std::string_view text) {
  static const std::map<std::string_view, Touch> names{
      {"none", Touch::none}, {"fill", Touch::fill}, {"page", Touch::page}, {"all", Touch::all}};
  const auto found = names.find(text);
  if (found == names.end()) throw UsageError("--touch \"" + std::string(text) + "\" is not one of none, fill, page, all");
  return found->second;
}

bool spin(std::string_view text) {
  if (text != "spin" && text != "hybrid" && text != "block") {
    throw UsageError("--wait \"" + std::string(text) + "\" is not one of spin, hybrid, block");
  }
  return text == "spin";
}

}  // namespace

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argc) throw UsageError(std::string(flag) + " is unknown or lacks a value");
    const std::string_view value = argv[i + 1];
    if (flag == "--name") {
      o.name = value;
    } else if (flag == "--size") {
      o.size = number<std::size_t>(flag, value, 1);
    } else if (flag == "--inflight") {
      o.inflight = number<std::size_t>(flag, value, 1);
    } else if (flag == "--wait") {
      o.spin = spin(value);
    } else if (flag == "--touch") {
      o.touch = touch(value);
    } else if (flag == "--cpu") {
      o.cpu = number(flag, value, -1);
    } else if (flag == "--count") {
      o.count = number<std::size_t>(flag, value, 1);
    } else if (flag == "--warmup") {
      o.warmup = number<std::size_t>(flag, value, 0);
    } else if (flag == "--corrupt") {
      o.corrupt = number<std::uint64_t>(flag, value, 0);
    } else if (flag != "--limit-object" && flag != "--threads-cpu") {
      throw UsageError("unexpected argument \"" + std::string(flag) + "\"");
    }
  }
  if (o.name.empty()) throw UsageError("--name is missing");
  return o;
}

void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(), "pinning to CPU " + std::to_string(cpu));
  }
}

}  // namespace peer
