// What both roles of the agent share.

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "messages.hpp"

namespace zeroduplex::conformance {

using Operation = std::function<Json(const Json::Object &)>;
using Operations = std::map<std::string, Operation>;

// Adds an operation whose arguments have the type A.
template <typename A, typename F> void add(Operations &operations, const char *name, F run) {
    operations.emplace(name, [run](const Json::Object &args) { return run(A::decode(args)).encode(); });
}

// A role: adds its operations, and ends everything without waiting.
class Role {
  public:
    Role() = default;
    Role(const Role &) = delete;
    Role &operator=(const Role &) = delete;
    virtual ~Role() = default;
    virtual void addTo(Operations &operations) = 0;
    virtual void reset() = 0;
};

std::unique_ptr<Role> makeServer();
std::unique_ptr<Role> makeClient();

// Writes the pattern.
void fill(std::span<std::byte> data, std::uint64_t seed);
std::vector<std::byte> pattern(std::uint64_t size, std::uint64_t seed);

// Complements every byte.
void invert(std::span<std::byte> data);

// Throws unless data is what the handler xor makes of a pattern.
void checkInverted(std::span<const std::byte> data, std::uint64_t size, std::uint64_t seed);

// CRC-32 as zlib computes it, going on from a former digest.
std::uint32_t crc32(std::span<const std::byte> data, std::uint32_t digest = 0);

FrameReport report(std::span<const std::byte> data, std::uint64_t sequence, std::uint32_t opcode);
ContentReport content(std::span<const std::byte> data);

inline std::chrono::milliseconds milliseconds(std::uint64_t n) { return std::chrono::milliseconds(n); }

} // namespace zeroduplex::conformance
