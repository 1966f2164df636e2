// What the fuzz targets (../fuzz) found, each at the moment that matters.

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "ring/atomic_fields.hpp"
#include "ring/segment.hpp"
#include "support.hpp"

namespace zeroduplex {
namespace {

using namespace std::chrono_literals;

/// A page whose first access waits until it is let through.
class PausedPage {
 public:
  PausedPage(std::byte* page, std::size_t size) {
    address = page;
    length = size;
    reached = let_through = false;
    struct sigaction action {};
    action.sa_handler = [](int) {
      reached = true;
      while (!let_through) {
      }
      ::mprotect(address, length, PROT_READ | PROT_WRITE);
    };
    ::sigaction(SIGSEGV, &action, &before_);
    ::mprotect(page, size, PROT_NONE);
  }
  PausedPage(const PausedPage&) = delete;
  PausedPage& operator=(const PausedPage&) = delete;
  ~PausedPage() {
    let_through = true;
    ::mprotect(address, length, PROT_READ | PROT_WRITE);
    ::sigaction(SIGSEGV, &before_, nullptr);
  }

  static inline std::atomic<bool> reached;
  static inline std::atomic<bool> let_through;

 private:
  static inline std::byte* address;
  static inline std::size_t length;
  struct sigaction before_ {};
};

/// Lets a server's worker find a corrupt frame while stop() is waiting for it, and looks that the server ends. False: the worker
/// was still reading for the supervisor, under the mutex, so that stop() could not begin before it was done.
bool stop_while_a_frame_is_read() {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  constexpr std::uint64_t metadata_size = 1930;  // with it the payload begins with a page of 4 KiB
  const auto layout = *wire::resolve_segment_v2(metadata_size, metadata_size, page);
  EXPECT_EQ(0U, layout.payload.offset % page);
  void* const mapping = ::mmap(nullptr, layout.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(MAP_FAILED, mapping);
  const std::span<std::byte> memory(static_cast<std::byte*>(mapping), layout.length);
  const ring::Segment segment(memory.data(), layout);
  const test::Name name;

  ServerOptions options;
  options.workers = 1;
  options.wait = WaitStrategy::spin;
  std::atomic<int> corruptions = 0;
  options.on_error = [&](const Error& error) {
    if (error.code() == ErrorCode::corrupted) ++corruptions;
  };
  auto server = test::serve(name, BufferConfig(metadata_size, SharedMemoryView(memory)), test::complement, options);
  ring::store_release(segment.request().writer_pid, static_cast<std::uint64_t>(::getpid()));
  bool stopped_meanwhile = false;
  {
    // A frame is counted whose header is all zeros, and the worker is stopped in the middle of reading it.
    const PausedPage header(memory.data() + layout.payload.offset, page);
    ring::store_release(segment.request().payload_written_bytes, std::uint64_t{2 * wire::block_alignment});
    ring::store_release(segment.request().payload_written_count, std::uint64_t{1});
    EXPECT_TRUE(test::eventually([] { return PausedPage::reached.load(); }));
    auto stop = std::async(std::launch::async, [&] {
      try {
        server->stop(1ms);
        return true;
      } catch (const TimeoutError&) {
        return false;
      }
    });
    stopped_meanwhile = stop.wait_for(1s) == std::future_status::ready;
    PausedPage::let_through = true;
    const bool in_time = stop.get();
    if (stopped_meanwhile) {
      EXPECT_FALSE(in_time);
      EXPECT_TRUE(test::eventually([&] { return corruptions == 1; }));
    }
  }
  // A server that does not end takes its thread with it, and not the test.
  std::atomic<bool> ended = false;
  std::thread([&ended, last = std::move(server)]() mutable {
    last.reset();
    ended = true;
  }).detach();
  EXPECT_TRUE(test::eventually([&] { return ended.load(); }));
  ::munmap(mapping, layout.length);
  return stopped_meanwhile;
}

TEST(Hostile, AServerThatFindsCorruptionOnceItIsStoppedEnds) {
  constexpr int attempts = 20;  // a supervisor that does not get to run may keep its role longer than a second
  for (int i = 0; i < attempts && !HasFailure(); ++i) {
    if (stop_while_a_frame_is_read()) return;
  }
  ADD_FAILURE() << "no worker was ever on its own when it read the frame";
}

}  // namespace
}  // namespace zeroduplex
