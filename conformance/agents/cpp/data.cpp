#include <array>
#include <stdexcept>

#include "agent.hpp"

namespace zeroduplex::conformance {
namespace {

constexpr std::array<std::uint32_t, 256> makeTable() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t value = i;
        for (int bit = 0; bit < 8; ++bit) {
            value = (value & 1U) != 0 ? 0xEDB88320U ^ (value >> 1U) : value >> 1U;
        }
        table[i] = value;
    }
    return table;
}

} // namespace

void fill(std::span<std::byte> data, std::uint64_t seed) {
    for (std::byte &b : data) {
        b = static_cast<std::byte>(seed++);
    }
}

std::vector<std::byte> pattern(std::uint64_t size, std::uint64_t seed) {
    std::vector<std::byte> data(size);
    fill(data, seed);
    return data;
}

void invert(std::span<std::byte> data) {
    for (std::byte &b : data) {
        b = ~b;
    }
}

void checkInverted(std::span<const std::byte> data, std::uint64_t size, std::uint64_t seed) {
    if (data.size() != size) {
        throw std::runtime_error("the response has " + std::to_string(data.size()) + " bytes instead of " + std::to_string(size));
    }
    for (std::size_t i = 0; i < data.size(); ++i) {
        if (data[i] != ~static_cast<std::byte>(seed + i)) {
            throw std::runtime_error("byte " + std::to_string(i) + " of the response is wrong");
        }
    }
}

std::uint32_t crc32(std::span<const std::byte> data, std::uint32_t digest) {
    static constexpr auto table = makeTable();
    std::uint32_t crc = ~digest;
    for (const std::byte b : data) {
        crc = table[(crc ^ std::to_integer<std::uint32_t>(b)) & 0xFFU] ^ (crc >> 8U);
    }
    return ~crc;
}

FrameReport report(std::span<const std::byte> data, std::uint64_t sequence, std::uint32_t opcode) {
    constexpr std::string_view digits = "0123456789abcdef";
    FrameReport seen;
    seen.sequence = sequence;
    seen.size = data.size();
    seen.opcode = opcode;
    seen.crc32 = crc32(data);
    for (const std::byte b : data.first(std::min<std::size_t>(16, data.size()))) {
        seen.head += digits[std::to_integer<unsigned>(b) >> 4U];
        seen.head += digits[std::to_integer<unsigned>(b) & 15U];
    }
    return seen;
}

ContentReport content(std::span<const std::byte> data) {
    ContentReport seen;
    seen.written = !data.empty();
    seen.size = data.size();
    seen.crc32 = crc32(data);
    return seen;
}

} // namespace zeroduplex::conformance
