#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

namespace test {

using namespace std::chrono_literals;

/// A channel name that no other test, also of another run at the same time, uses. Whatever is left of it in /dev/shm when this goes
/// is a failure of the test.
class Name {
 public:
  Name();
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name();
  operator const std::string&() const { return name_; }
  [[nodiscard]] const std::string& str() const { return name_; }
  [[nodiscard]] std::string path() const { return "/dev/shm/" + name_; }
  /// Files in /dev/shm that have this name in theirs.
  [[nodiscard]] std::vector<std::string> leftovers() const;
  /// For tests that leave something on purpose.
  void clean() const;

 private:
  std::string name_;
};

/// Memory for a view: heap, so that sanitizers see it, and aligned to 64.
class HeapMemory {
 public:
  explicit HeapMemory(std::size_t size);
  [[nodiscard]] zeroduplex::SharedMemoryView view() const { return zeroduplex::SharedMemoryView({bytes_.get(), size_}); }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::size_t size_;
  std::unique_ptr<std::byte[], Free> bytes_;
};

/// Polls until `done()`; false when that takes longer than a minute, which is far beyond what any test waits for.
[[nodiscard]] bool eventually(const std::function<bool()>& done);

/// A copy of text as bytes.
[[nodiscard]] std::vector<std::byte> bytes(std::string_view text);
[[nodiscard]] std::string text(std::span<const std::byte> bytes);
/// Bytes that differ from frame to frame and from place to place.
[[nodiscard]] std::vector<std::byte> pattern(std::uint64_t seed, std::size_t size);
/// The n-th frame of a stream of random sizes, and whether a frame is that one.
[[nodiscard]] std::vector<std::byte> stream_frame(std::uint64_t n);
[[nodiscard]] bool is_stream_frame(const zeroduplex::ReceivedFrame& frame, std::uint64_t n);
/// Handler that complements every byte.
void complement(zeroduplex::Frame& frame);
[[nodiscard]] bool is_complement(std::span<const std::byte> response, std::span<const std::byte> request);

std::unique_ptr<zeroduplex::IInPlaceDuplexServer> serve(const std::string& name, const zeroduplex::BufferConfig& config,
                                                        zeroduplex::IInPlaceDuplexServer::Handler handler,
                                                        const zeroduplex::ServerOptions& options = {});
std::unique_ptr<zeroduplex::IDuplexClient> connect(const std::string& name, const zeroduplex::ClientOptions& options = {});

/// Does things with what belongs to its parent in a forked child. How many of them did not end with a ClosedError. No gtest in
/// there: the child only reports by its exit code.
[[nodiscard]] int failures_in_child(const std::vector<std::function<void()>>& calls);
template <typename... Calls>
[[nodiscard]] int failures_in_child(Calls... calls) {
  return failures_in_child(std::vector<std::function<void()>>{calls...});
}
/// Says that a call has come to its end.
[[noreturn]] void closed_anyway();

/// The helper program of the tests as another process; see test_peer.cpp for what it can do.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  /// Kills and reaps what still runs.
  ~Process();

  /// The next line that it prints, without its end; empty at the end of its output.
  std::string line();
  void kill(int signal) const;
  /// Reaps. The exit code, or minus the signal that ended it.
  int wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
};

/// Starts servers of a name by these arguments, one after the other, and kills each in the middle of another process's calls, which
/// must notice.
void kill_calling_servers(const std::string& name, const std::vector<std::string>& serve);

}  // namespace test
