// Round trips with Google Benchmark: a request that is filled in place, and its answer from another process, not pinned to any CPU.
// The raw limits of the machine beside it, other languages and percentiles are what `zeroduplex bench` measures.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <benchmark/benchmark.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "common/program.hpp"

namespace {

using zeroduplex::WaitStrategy;

/// A server in a process of its own, which inverts the first byte of every request. It ends with its object.
class Server {
 public:
  Server(const std::string& name, std::size_t size, WaitStrategy wait) : pid_(::fork()) {
    if (pid_ < 0) throw std::runtime_error("no process for the server");
    if (pid_ == 0) serve(name, size, wait);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  [[noreturn]] static void serve(const std::string& name, std::size_t size, WaitStrategy wait) {
    try {
      const examples::StopSignal stop;
      zeroduplex::ServerOptions options;
      options.wait = wait;
      const auto server = zeroduplex::DuplexChannelFactory::getInstance().createInPlaceDuplexServer(
          name, zeroduplex::BufferConfig(0, 3 * (size + 128)), options);
      server->start([](zeroduplex::Frame& frame) { frame.data()[0] = ~frame.data()[0]; });
      stop.wait();
      server->stop();
    } catch (const std::exception& e) {
      std::cerr << "server: " << e.what() << '\n';
      std::_Exit(1);
    }
    std::_Exit(0);
  }

  ::pid_t pid_;
};

void round_trip(benchmark::State& state, WaitStrategy wait) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::string name = "zdcpp-benchmark-" + std::to_string(::getpid());
  const Server server(name, size, wait);
  zeroduplex::ClientOptions options;
  options.wait = wait;
  const auto client = zeroduplex::DuplexChannelFactory::getInstance().createClient(name, options);
  std::vector<std::byte> pattern(size);
  for (auto _ : state) {
    pattern[0] = std::byte(std::to_integer<unsigned>(pattern[0]) + 1);
    auto request = client->acquireRequestBuffer(size);
    std::memcpy(request.data().data(), pattern.data(), size);
    const auto response = client->receiveResponse(request.commit(), std::chrono::seconds(5));
    if (response.data()[0] != ~pattern[0]) {
      state.SkipWithError("answered wrongly");
      return;
    }
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}

void sizes(benchmark::internal::Benchmark* benchmark) { benchmark->Arg(64)->Arg(65'536)->Arg(3'110'416)->UseRealTime(); }

BENCHMARK_CAPTURE(round_trip, spin, WaitStrategy::spin)->Apply(sizes);
BENCHMARK_CAPTURE(round_trip, hybrid, WaitStrategy::hybrid)->Apply(sizes);
BENCHMARK_CAPTURE(round_trip, block, WaitStrategy::block)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
