#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <set>
#include <string>

namespace bench {

/// What a process knows about itself: what it has used so far, and where it runs.
struct Note {
  std::optional<std::int64_t> allocated;  // bytes on the heap; nothing where the language cannot tell, as C++
  int cpu = -1;                           // of the thread that made the note; -1: not known
  std::int64_t cpu_ns = 0;                // CPU time of the whole process
  std::int64_t minor_faults = 0;
  std::int64_t major_faults = 0;
};

/// The note of this process, made by this thread.
Note note_of_self();

/// This process's share of a channel's memory in bytes: the proportional set size (Pss) of what it has mapped of the channel's
/// objects and semaphores, in which a page counts half that both processes have touched. The control file, whose name begins with
/// the channel's, does not count.
std::int64_t shared_memory(const std::string& channel);

/// What a process used during the blocks of a measurement.
class Usage {
 public:
  /// Adds what was used between two notes.
  void add(const Note& from, const Note& to);
  /// Its share of the channel's memory when all was done; nothing where it is not known.
  void set_shared(std::optional<std::int64_t> bytes) { shared_ = bytes; }
  void print(std::ostream& out) const;

 private:
  std::int64_t cpu_ns_ = 0;
  std::int64_t minor_faults_ = 0;
  std::int64_t major_faults_ = 0;
  std::optional<std::int64_t> allocated_;
  std::optional<std::int64_t> shared_;
  std::set<int> ran_on_;
};

}  // namespace bench
