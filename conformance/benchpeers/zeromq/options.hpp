#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace peer {

/// The command line is wrong.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// How much of a frame both sides touch.
enum class Touch : std::uint8_t {
  none,  // the frame number only, which the client finds again
  fill,  // client fills all, server inverts the first 8 bytes, client reads these and the last one
  page,  // client fills all, server inverts and client reads one byte per page
  all,   // client fills all, server inverts and client reads all
};

/// What both sides of a measurement are told.
struct Options {
  std::string name;
  std::size_t size = 64;     // bytes of a frame
  std::size_t inflight = 1;  // frames on their way at the same time
  bool spin = false;         // look for a message again and again instead of sleeping
  Touch touch = Touch::none;
  int cpu = -1;  // -1: any

  std::size_t count = 1000;   // the client's: frames to measure
  std::size_t warmup = 100;   // and to send before
  std::uint64_t corrupt = 0;  // the server's: answer this frame with a wrong byte, counted from 1; 0: none
};

/// Reads the flags. The control file and the threads are for the project's own clients: they are accepted and left alone.
Options parse(int argc, char** argv);

/// Binds this thread, and those that it starts, to one CPU; -1 for any.
void pin(int cpu);

}  // namespace peer
