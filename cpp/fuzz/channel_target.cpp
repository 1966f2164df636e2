// A real client whose server is a program of bytes, or a real server whose client is one: it uses the ring as a right peer would
// and stores whatever it likes wherever it likes, the semaphores included, between calls and during them. Every call ends in time,
// with one of the library's errors or with bytes that lie in the payload. Half of the programs are those of forged.hpp instead.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "arena.hpp"
#include "channel_memory.hpp"
#include "flipper.hpp"
#include "forged.hpp"
#include "program.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/client_ring.hpp"
#include "ring/identity.hpp"
#include "ring/server_cursor.hpp"
#include "target.hpp"

namespace zeroduplex::fuzz {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using wire::FrameState;

constexpr std::size_t longest_program = 256;
constexpr auto far_too_long = 20s;  // for calls that wait a fraction of a millisecond
constexpr std::chrono::nanoseconds short_timeout = 50us;

Counter attached{"attached"};
Counter received{"received"};
Counter handled{"handled"};
Counter errors{"errors"};
Counter writes{"writes"};
std::atomic<std::uint64_t> frames_handled{0};

std::string unique_name(const char* side) { return "zdfuzz-" + std::to_string(::getpid()) + "-" + side; }

class Peer {
 public:
  Peer(Arena& arena, Flipper& flipper, Program program)
      : flipper_(flipper),
        program_(program),
        layout_(channel_layout()),
        memory_(arena.give(layout_.length)),
        segment_(memory_.data(), layout_) {}

  void be_server(const std::string& name, const Semaphores& semaphores) {
    semaphores_ = &semaphores;
    semaphores.clear();
    ring::initialise(segment_, 1);
    ring::publish_identity(segment_);
    if (program_.byte() % 4 == 0) interfere(choose());
    ClientOptions options;
    options.memory = SharedMemoryView(memory_);
    options.connect_timeout = 0ns;
    options.call_timeout = options.send_timeout = short_timeout;
    options.spin_window = 20us;
    options.wait = wait_strategy();
    std::unique_ptr<IDuplexClient> client;
    call([&] { client = DuplexChannelFactory::getInstance().createClient(name, options); });
    if (client == nullptr) return;
    ++attached;
    ring::ServerCursor cursor(segment_);
    while (program_.more()) client_step(*client, cursor);
    call([&] {
      held_.clear();
      client.reset();
    });
  }

  void be_client(const std::string& name) {
    ServerOptions options;
    options.workers = 1 + program_.byte() % 2;
    options.wait = wait_strategy();
    options.spin_window = 20us;
    options.reset_timeout = 1ms;
    options.stop_timeout = 2ms;
    options.on_error = [](const Error&) {};
    const std::span<std::byte> payload = this->payload();
    auto server = DuplexChannelFactory::getInstance().createInPlaceDuplexServer(
        name, BufferConfig(metadata_size, SharedMemoryView(memory_)), options);
    Semaphores semaphores(name);
    semaphores_ = &semaphores;
    server->start([payload](Frame& frame) {
      const std::span<std::byte> data = frame.data();
      require_inside(payload, data.data(), frame.capacity());
      require(data.size() <= frame.capacity(), "a request larger than its capacity");
      std::fill(data.begin(), data.end(), std::byte{0});
      frames_handled.fetch_add(1);
    });
    ring::store_release(segment_.request().writer_pid, static_cast<std::uint64_t>(::getpid()));
    ring_.emplace(segment_, Lap::eager);
    while (program_.more()) {
      if (!server_step(*server)) continue;
      flipper_.stop();                // it may flip one of them
      semaphores = Semaphores(name);  // a reset replaces them
    }
    flipper_.stop();
    call([&] { server->stop(2ms); });
    call([&] { server.reset(); });
    while (frames_handled.load() > handled.count()) ++handled;
  }

 private:
  static void require_inside(std::span<const std::byte> payload, const std::byte* data, std::uint64_t size) {
    require(data >= payload.data() && data <= payload.data() + payload.size(), "data begins outside of the payload");
    require(size <= static_cast<std::uint64_t>(payload.data() + payload.size() - data), "data ends outside of the payload");
  }

  [[nodiscard]] std::span<std::byte> payload() const { return memory_.subspan(layout_.payload.offset, layout_.payload.size); }

  WaitStrategy wait_strategy() {
    constexpr WaitStrategy all[] = {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block};
    return all[program_.below(std::size(all))];
  }

  template <typename Do>
  void call(Do&& what) {
    const Clock::time_point begin = Clock::now();
    try {
      what();
    } catch (const Error&) {
      ++errors;
    }
    require(Clock::now() - begin < far_too_long, "a call took far longer than its timeout");
  }

  void keep(Response response) {
    require_inside(payload(), response.data().data(), response.data().size());
    ++received;
    if (program_.byte() % 2 == 0) held_.push_back(std::move(response));
  }

  void client_step(IDuplexClient& client, ring::ServerCursor& cursor) {
    const std::uint8_t choice = program_.byte() % 16;
    const std::vector<std::byte> data(choice <= 2 || choice == 6 ? program_.below(payload_size) : 0);
    const Request request{data, 0, program_.byte() % 2 == 0 ? 0 : data.size(), choice != 6 && program_.byte() % 8 == 7};
    switch (choice) {
      case 0:
      case 1:
        return call([&] { (void)client.send(request); });
      case 2:
        return call([&] {
          RequestBuffer buffer = client.acquireRequestBuffer(data.size());
          require_inside(payload(), buffer.data().data(), buffer.data().size());
          if (program_.byte() % 4 != 0) (void)buffer.commit();
        });
      case 3:
      case 4:
        return call([&] { keep(client.receiveResponse(short_timeout)); });
      case 5:
        return call([&] { keep(client.receiveResponse(std::uint64_t{program_.byte()} % 16, short_timeout)); });
      case 6:
        return call([&] { keep(client.call(request)); });
      case 7:
        return call([&] { (void)client.cancel(program_.byte() % 16); });
      case 8:
        call([&] { require(client.serverMetadata().size() <= 2 * metadata_size, "more metadata than there is room for"); });
        call([&] { client.setMetadata(std::vector<std::byte>(program_.byte())); });
        return call([&] { (void)client.isServerConnected(); });
      case 9:
        if (!held_.empty()) held_.pop_back();
        return;
      case 10:
      case 11:
      case 12:
        return serve(cursor);
      case 13:
        return flipper_.stop();
      default:
        return interfere(choose());
    }
  }

  /// What a right server does.
  void serve(ring::ServerCursor& cursor) {
    try {
      ring::RequestFrame frame;
      if (cursor.look(frame)) {
        if (frame.cancelled) {
          cursor.skip(frame);
        } else if (cursor.take(frame)) {
          taken_.push_back(frame);
        }
      }
    } catch (const CorruptedError&) {
      return;  // it was us, or the flipping peer
    }
    if (taken_.empty() || program_.byte() % 4 == 0) return;
    const ring::RequestFrame frame = taken_.back();
    taken_.pop_back();
    if (frame.one_way) return frame.finish();
    const FrameState state = program_.byte() % 4 == 0 ? FrameState::failed : FrameState::response;
    std::uint64_t size = program_.below(frame.capacity + 1);
    if (program_.byte() % 8 == 0) size = program_.value(size, payload_size);  // a client that sleeps sees no other than this one
    frame.answer(state, size, program_.byte());
    cursor.count_response(0);
    semaphores_->post_response_ready();
  }

  /// True: it left and came again.
  bool server_step(IInPlaceDuplexServer& server) {
    switch (program_.byte() % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        publish();
        break;
      case 6:
      case 7:
        take_answers();
        break;
      case 8:
        if (ring_->in_flight() > 0) (void)ring_->cancel(ring_->at(program_.below(ring_->in_flight())));
        break;
      case 9:
        call([&] { require(server.clientMetadata().size() <= 2 * metadata_size, "more metadata than there is room for"); });
        break;
      case 10: {  // leaves, and comes again
        ring::store_release(segment_.request().writer_pid, wire::reset_wanted);
        semaphores_->post_request_ready();
        for (int i = 0; i < 100 && ring::load_acquire(segment_.request().writer_pid) != wire::pid_none; ++i)
          std::this_thread::yield();
        ring::store_release(segment_.request().writer_pid, static_cast<std::uint64_t>(::getpid()));
        ring_.emplace(segment_, Lap::eager);
        return true;
      }
      case 11:
        flipper_.stop();
        break;
      case 12:
        std::this_thread::yield();
        break;
      default:
        interfere(choose());
    }
    return false;
  }

  void publish() {
    try {
      ring_->reclaim();
    } catch (const CorruptedError&) {
      ring_.emplace(segment_, Lap::eager);
      return;
    }
    const std::uint64_t size = program_.below(payload_size / 2);
    if (ring_->reserve(ring::round_up(size)) == nullptr) return;
    wire::FrameHeaderV2* const header = ring_->publish(size, 0, program_.byte() % 4 == 0).header;
    // A server that sleeps sees no other header than this one.
    if (program_.byte() % 4 == 0) interfere(program_.field(header_fields, header));
    semaphores_->post_request_ready();
  }

  void take_answers() {
    for (std::size_t i = 0; i < ring_->in_flight(); ++i) {
      ring::InFlight& frame = ring_->at(i);
      if (frame.released || frame.cancelled || frame.one_way) continue;
      try {
        if (ring_->answer(frame)) ring_->release(frame);
      } catch (const CorruptedError&) {
        return;
      }
    }
  }

  void interfere(const Word& word) {
    const std::uint64_t now = word.load();
    const std::uint64_t then = program_.value(now, payload_size);
    ++writes;
    if (program_.byte() % 2 == 0) {
      word.store(then);
    } else {
      flipper_.start(word, now, then);
    }
  }

  Word choose() {
    switch (program_.byte() % 8) {
      case 0:
      case 1:
        return program_.field(block_fields, &segment_.request());
      case 2:
        return program_.field(block_fields, &segment_.response());
      case 3:
      case 4:
      case 5:
        return program_.field(header_fields,
                              payload().data() + program_.below(payload_size / wire::block_alignment) * wire::block_alignment);
      case 6:
        return {memory_.data() + program_.below(memory_.size() / 8) * 8, 8};
      default:
        if (semaphores_ == nullptr) return {memory_.data(), 8};
        return semaphores_->word(program_.below(semaphores_->count()), program_.below(2) * 4);
    }
  }

  Flipper& flipper_;
  Program program_;
  wire::SegmentV2 layout_;
  std::span<std::byte> memory_;
  ring::Segment segment_;
  const Semaphores* semaphores_ = nullptr;
  std::optional<ring::ClientRing> ring_;
  std::vector<ring::RequestFrame> taken_;
  std::vector<Response> held_;
};

}  // namespace
}  // namespace zeroduplex::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace zeroduplex::fuzz;
  static const std::string client_name = unique_name("client");
  static const std::string server_name = unique_name("server");
  static const OwnSemaphores own(client_name);
  static const Semaphores semaphores(client_name);
  static Arena arena(4096);
  static Flipper flipper;
  Program program({data, std::min(size, longest_program)});
  const std::uint8_t kind = program.byte() % 4;
  if (kind == 2) {
    forge_answers(arena, client_name, semaphores, program);
  } else if (kind == 3) {
    forge_requests(arena, server_name, program);
  } else {
    Peer peer(arena, flipper, program);
    if (kind == 0) {
      peer.be_server(client_name, semaphores);
    } else {
      peer.be_client(server_name);
    }
  }
  flipper.stop();
  require(arena.is_intact(), "something was written outside of the memory");
  return 0;
}
