// Peer zeromq: two DEALER sockets of libzmq over a Unix socket, blocking or looking for messages without waiting. Frames are sent
// from the client's memory without a copy, and the server answers with the very message that it received.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "measure.hpp"
#include "options.hpp"
#include "socket.hpp"
#include "work.hpp"

namespace {

using namespace peer;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr std::chrono::seconds timeout{10};
/// How often a sleeping server looks whether to end; a message wakes it at once.
constexpr int look_up_ms = 100;
/// How many looks for a message go between two looks at the clock: rare enough not to be measured.
constexpr std::uint64_t looks_per_clock = 1U << 16U;

std::atomic<bool> stopped{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void serve(const Options& o) {
  for (const int signal : {SIGTERM, SIGINT}) std::signal(signal, [](int) { stopped = true; });
  Socket socket(o.spin, look_up_ms);
  socket.bind(o.name);
  Handler handler(o);
  std::cout << "ready" << std::endl;
  Message message;
  while (!stopped.load(std::memory_order_relaxed)) {
    if (!socket.receive(message)) continue;
    handler.handle(message.data());
    socket.send(message);
  }
}

class Client {
 public:
  explicit Client(const Options& o) : o_(o), frames_(o.inflight), socket_(o.spin, std::chrono::milliseconds(timeout).count()) {
    for (auto& frame : frames_) frame.resize(o.size);
    socket_.connect(o.name);
  }

  /// A frame's memory is free again when its response is here: the server had it all.
  void send(std::uint64_t n) {
    std::span<std::byte> frame = frames_[n % frames_.size()];
    fill(frame, n, o_.touch);
    Message message(frame);
    socket_.send(message);
  }

  void receive(std::uint64_t n) {
    std::chrono::steady_clock::time_point deadline{};
    for (std::uint64_t looks = 1; !socket_.receive(response_); ++looks) {
      if (o_.spin && looks % looks_per_clock != 0) continue;
      const auto now = std::chrono::steady_clock::now();
      if (deadline == std::chrono::steady_clock::time_point{}) deadline = now + timeout;
      if (!o_.spin || now > deadline) throw std::runtime_error("no response to frame " + std::to_string(n) + " within 10 s");
    }
    check(response_.data(), n, o_);
  }

 private:
  const Options& o_;
  std::vector<std::vector<std::byte>> frames_;
  Message response_;
  Socket socket_;  // after what it may still refer to
};

void exchange(const Options& o) {
  Client client(o);
  Measurement measurement(o, client);
  measurement.run();
  measurement.print(std::cout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string program = std::filesystem::path(argv[0]).filename();
  try {
    if (program != "bench-server" && program != "bench-client") throw UsageError("start it as bench-server or as bench-client");
    const Options o = parse(argc, argv);
    pin(o.cpu);
    if (program == "bench-server") {
      serve(o);
    } else {
      exchange(o);
    }
    return EXIT_SUCCESS;
  } catch (const UsageError& e) {
    std::cerr << program << ": " << e.what() << "\n";
    return exit_usage;
  } catch (const std::exception& e) {
    std::cerr << program << ": " << e.what() << "\n";
    return exit_failed;
  }
}
