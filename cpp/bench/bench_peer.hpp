#pragma once

#include <sched.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "common/flags.hpp"

namespace bench {

inline constexpr std::size_t page_size = 4096;

/// How much of a frame both sides touch.
enum class Touch : std::uint8_t {
  none,  // the frame number only
  page,  // client fills all, server inverts and client reads one byte per page
  all,   // client fills all, server inverts and client reads all
};

inline Touch parse_touch(const std::string& text) {
  if (text == "none") return Touch::none;
  if (text == "page") return Touch::page;
  if (text == "all") return Touch::all;
  throw examples::UsageError("--touch " + text + " is not one of none, page, all");
}

inline std::size_t step(Touch touch) { return touch == Touch::all ? 1 : page_size; }

/// What both sides of a measurement are told.
struct PeerOptions {
  explicit PeerOptions(examples::Flags& flags)
      : name(flags.text("name")),
        size(flags.number<std::size_t>("size", 64, 0)),
        inflight(flags.number<std::size_t>("inflight", 1, 1)),
        cpu(flags.number<int>("cpu", -1, -1, CPU_SETSIZE - 1)),
        limit_object(flags.text("limit-object")),
        touch(parse_touch(flags.text("touch", "none"))) {
    wait = flags.wait();
  }

  /// Room for the frames in flight and one more; the same in every language.
  [[nodiscard]] zeroduplex::BufferConfig room() const {
    constexpr std::uint64_t block = 64;
    return {0, (inflight + 1) * (block + (size + block - 1) / block * block)};
  }

  std::string name;
  std::size_t size;
  std::size_t inflight;
  int cpu;
  std::string limit_object;
  Touch touch;
  zeroduplex::WaitStrategy wait = zeroduplex::WaitStrategy::hybrid;
};

/// Binds this thread, and those that it starts, to one CPU; -1 for any.
inline void pin(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    throw std::system_error(errno, std::generic_category(), "pinning to CPU " + std::to_string(cpu));
  }
}

/// The client's work before sending: frame n is filled with n.
inline void fill(std::span<std::byte> data, std::uint64_t n, Touch touch) {
  if (touch != Touch::none) {
    if (!data.empty()) std::memset(data.data(), static_cast<int>(n & 0xFF), data.size());
  } else if (data.size() >= sizeof n) {
    std::memcpy(data.data(), &n, sizeof n);
  }
}

/// The server's work.
inline void invert(std::span<std::byte> data, Touch touch) {
  if (touch == Touch::none) return;
  for (std::size_t i = 0; i < data.size(); i += step(touch)) data[i] = ~data[i];
}

/// The client's work afterwards.
inline void check(std::span<const std::byte> data, std::uint64_t n, Touch touch) {
  if (touch == Touch::none) return;
  const std::byte want = ~static_cast<std::byte>(n & 0xFF);
  for (std::size_t i = 0; i < data.size(); i += step(touch)) {
    if (data[i] != want) throw std::runtime_error("byte " + std::to_string(i) + " of frame " + std::to_string(n) + " is wrong");
  }
}

}  // namespace bench
