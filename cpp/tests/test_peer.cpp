// A process for tests to talk to and to kill.
//
//   test-peer serve NAME PAYLOAD WORKERS    complements frames; opcode 1 hangs, opcode 2 fails; "ready", then until SIGTERM
//   test-peer call NAME COUNT SEED          that many calls of random sizes, all checked; "calling" after the first, then "done" or
//                                           "server dead"
//   test-peer hold NAME COUNT OPCODE        sends that many requests of 64 bytes and waits to be killed; "ready"
//   test-peer acquire NAME                  keeps an acquired buffer and waits to be killed; "ready"
//   test-peer one-way NAME COUNT            sends that many one-way requests and waits to be killed; "ready"
//   test-peer serve-v1 NAME PAYLOAD         the same as serve by ZeroBuffer v1; a request of one byte 0xEE hangs. All clients do v1
//   test-peer read NAME PAYLOAD             creates a v1 buffer and waits to be killed; "ready"
//   test-peer read-all NAME PAYLOAD COUNT   creates a v1 buffer, "ready", and checks that many frames of random sizes; "done"
//   test-peer write NAME COUNT              writes that many v1 frames of 64 bytes and waits to be killed; "ready"
//   test-peer write-all NAME COUNT          writes that many v1 frames of random sizes; "done"

#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <random>
#include <string>

#include <zeroduplex/zeroduplex.hpp>

#include "common/program.hpp"
#include "dual_buffer_support.hpp"
#include "support.hpp"

namespace {

using zeroduplex::BufferConfig;
using zeroduplex::Frame;

[[noreturn]] void wait_to_be_killed() {
  std::cout << "ready" << std::endl;
  for (;;) ::pause();
}

void wait_for_the_end(zeroduplex::IDuplexServer& server, const examples::StopSignal& stop) {
  std::cout << "ready" << std::endl;
  stop.wait();
  server.stop();
}

void serve(const std::string& name, std::uint64_t payload, std::uint32_t workers) {
  const examples::StopSignal stop;
  zeroduplex::ServerOptions options;
  options.workers = workers;
  const auto server = test::serve(
      name, BufferConfig(4096, payload),
      [](Frame& frame) {
        if (frame.opcode() == 1) {
          for (;;) ::pause();
        }
        if (frame.opcode() == 2) frame.fail(7, "asked to");
        test::complement(frame);
      },
      options);
  wait_for_the_end(*server, stop);
}

void serve_v1(const std::string& name, std::uint64_t payload) {
  const examples::StopSignal stop;
  const auto server = test::dual_buffer::create_v1(name, {}, BufferConfig(4096, payload));
  server->start([](Frame& frame) {
    if (frame.size() == 1 && frame.data()[0] == std::byte{0xEE}) {
      for (;;) ::pause();
    }
    test::complement(frame);
  });
  wait_for_the_end(*server, stop);
}

void call(const std::string& name, std::uint64_t count, std::uint64_t seed) {
  const auto client = test::dual_buffer::connect_v1(name);
  std::mt19937_64 random(seed);
  try {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto request = test::pattern(random(), 1 + random() % 2000);
      const auto response = client->call(request);
      if (!test::is_complement(response.data(), request)) throw std::runtime_error("wrong response");
      if (i == 0) std::cout << "calling" << std::endl;
    }
    std::cout << "done" << std::endl;
  } catch (const zeroduplex::ServerDeadError&) {
    std::cout << "server dead" << std::endl;
  }
}

void read(const std::string& name, std::uint64_t payload, std::uint64_t count) {
  zeroduplex::Reader reader(name, BufferConfig(64, payload));
  if (count == 0) wait_to_be_killed();
  std::cout << "ready" << std::endl;
  for (std::uint64_t n = 1; n <= count; ++n) {
    if (!test::is_stream_frame(reader.readFrame(60'000), n)) throw std::runtime_error("wrong frame");
  }
  std::cout << "done" << std::endl;
}

void write(const std::string& name, std::uint64_t count, bool all) {
  zeroduplex::Writer writer(name);
  for (std::uint64_t n = 1; n <= count; ++n) writer.writeFrame(all ? test::stream_frame(n) : test::pattern(n, 64), 60'000);
  if (!all) wait_to_be_killed();
  std::cout << "done" << std::endl;
}

void run(const std::vector<std::string>& a) {
  const std::string what = a.size() >= 2 ? a[0] : "";
  if (what == "serve") return serve(a.at(1), std::stoull(a.at(2)), static_cast<std::uint32_t>(std::stoul(a.at(3))));
  if (what == "call") return call(a.at(1), std::stoull(a.at(2)), std::stoull(a.at(3)));
  if (what == "serve-v1") return serve_v1(a.at(1), std::stoull(a.at(2)));
  if (what == "read") return read(a.at(1), std::stoull(a.at(2)), 0);
  if (what == "read-all") return read(a.at(1), std::stoull(a.at(2)), std::stoull(a.at(3)));
  if (what == "write" || what == "write-all") return write(a.at(1), std::stoull(a.at(2)), what == "write-all");
  const auto client = test::dual_buffer::connect_v1(a.at(1));
  if (what == "acquire") {
    const auto buffer = client->acquireRequestBuffer(64);
    wait_to_be_killed();
  }
  for (std::uint64_t i = 0; i < std::stoull(a.at(2)); ++i) {
    const auto data = test::pattern(i, 64);
    client->send(
        {.data = data, .opcode = a.size() > 3 ? static_cast<std::uint32_t>(std::stoul(a[3])) : 0, .one_way = what == "one-way"});
  }
  wait_to_be_killed();
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("test-peer", [&] { run({argv + 1, argv + argc}); });
}
