#include "bench_line.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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
  const std::uint64_t rounds = word(rounds_offset).load(std::memory_order_relaxed);
  if (rounds < 1 || rounds > max_rounds) throw std::runtime_error(std::to_string(rounds) + " rounds asked for");
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    await(2 * i - 1);
    word(ball_offset).store(2 * i, std::memory_order_release);  // pairs with the acquire load in serve()
  }
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
