#pragma once

#include <cstdint>
#include <string>

#include "arena.hpp"
#include "channel_memory.hpp"
#include "program.hpp"
#include "target.hpp"

// Programs that forge what they hand over, before the other side can have seen it, and change nothing afterwards. So what must come
// of it is known exactly: one side's missing check shows even where it does no harm.

namespace zeroduplex::fuzz {

inline Counter forged{"forged"};

/// Forges one field, mostly by a value at the border of what is right.
inline void forge(Program& program, const Word& word) {
  word.store(program.value(word.load(), payload_size));
  ++forged;
}

/// One field, by a value at a border that the program knows.
inline void forge_as(std::uint64_t& field, std::uint64_t value) {
  field = value;
  ++forged;
}

/// About the capacity, or about what is no size at all.
inline std::uint64_t border(Program& program, std::uint64_t capacity) {
  const std::uint64_t choice = program.below(8);
  return choice < 4 ? capacity + choice - 1 : choice - 8;
}

/// A real server with a client that forges requests.
void forge_requests(Arena& arena, const std::string& name, Program program);
/// A real client with a server that forges answers.
void forge_answers(Arena& arena, const std::string& name, const Semaphores& semaphores, Program program);

}  // namespace zeroduplex::fuzz
