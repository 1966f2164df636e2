#include "bench_line.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

namespace bench {

namespace {

constexpr std::chrono::seconds stall_limit{10};
constexpr std::uint64_t looks_per_clock = 1U << 20U;  // rare enough not to be measured

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

Line::Line(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("opening the benchmark's control file " + path);
  struct stat status {};
  void* memory = MAP_FAILED;
  const bool right = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size == file_size;
  if (right) memory = ::mmap(nullptr, file_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (!right) throw std::runtime_error(path + " is not a benchmark control file: want a regular file of 4096 bytes");
  if (memory == MAP_FAILED) fail("mapping " + path);
  memory_ = static_cast<std::byte*>(memory);
  if (word(0).load() == file_magic) return;
  ::munmap(memory_, file_size);
  throw std::runtime_error(path + " is not a benchmark control file: its first eight bytes are wrong");
}

Line::~Line() { ::munmap(memory_, file_size); }

std::atomic_ref<std::uint64_t> Line::word(std::size_t offset) const {
  return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(memory_ + offset));
}

void Line::prepare(std::uint64_t rounds) {
  word(ball_offset).store(0, std::memory_order_relaxed);
  word(rounds_offset).store(rounds, std::memory_order_relaxed);
}

void Line::serve(std::uint64_t rounds, const Clock& clock, std::vector<std::int64_t>& samples) {
  std::int64_t before = clock.now();
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    word(ball_offset).store(2 * i - 1, std::memory_order_release);  // pairs with the acquire load in bounce_back()
    await(2 * i);
    const std::int64_t now = clock.now();
    if (i > limit_warmup) samples.push_back(clock.sample(before, now));
    before = now;
  }
}

void Line::bounce_back() {
  const std::uint64_t rounds = asked_for();
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    await(2 * i - 1);
    word(ball_offset).store(2 * i, std::memory_order_release);  // pairs with the acquire load in serve()
  }
}

std::uint64_t Line::asked_for() const {
  const std::uint64_t rounds = word(rounds_offset).load(std::memory_order_relaxed);
  if (rounds < 1 || rounds > max_rounds) throw std::runtime_error(std::to_string(rounds) + " rounds asked for");
  return rounds;
}

void Line::ask(std::uint64_t what) { word(asked_offset).store(what, std::memory_order_relaxed); }

void Line::write_note(const Note& note) {
  const std::array<std::int64_t, 5> words{note.allocated ? *note.allocated + 1 : 0, note.cpu + 1, note.cpu_ns, note.minor_faults,
                                          note.major_faults};
  for (std::size_t i = 0; i < words.size(); ++i) {
    word(note_offset + 8 * i).store(static_cast<std::uint64_t>(words[i]), std::memory_order_relaxed);
  }
}

Note Line::read_note() const {
  const auto at = [this](std::size_t i) {
    return static_cast<std::int64_t>(word(note_offset + 8 * i).load(std::memory_order_relaxed));
  };
  Note note;
  if (at(0) > 0) note.allocated = at(0) - 1;
  note.cpu = static_cast<int>(at(1)) - 1;
  note.cpu_ns = at(2);
  note.minor_faults = at(3);
  note.major_faults = at(4);
  return note;
}

void Line::write_memory(std::int64_t bytes) {
  word(memory_offset).store(static_cast<std::uint64_t>(bytes) + 1, std::memory_order_relaxed);
}

std::optional<std::int64_t> Line::read_memory() const {
  const std::uint64_t said = word(memory_offset).load(std::memory_order_relaxed);
  if (said == 0) return std::nullopt;
  return static_cast<std::int64_t>(said - 1);
}

void Line::await(std::uint64_t value) const {
  const auto ball = word(ball_offset);
  std::chrono::steady_clock::time_point deadline{};
  for (std::uint64_t looks = 1; ball.load(std::memory_order_acquire) != value; ++looks) {
    if (looks % looks_per_clock != 0) continue;
    const auto now = std::chrono::steady_clock::now();
    if (deadline == std::chrono::steady_clock::time_point{}) deadline = now + stall_limit;
    if (now >= deadline) throw std::runtime_error("the peer did not return the ball for 10 s");
  }
}

}  // namespace bench
