#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "foresight.hpp"
#include "forged.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/segment.hpp"

namespace zeroduplex::fuzz {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Kind = Outlook::Kind;

constexpr auto far_too_long = 20s;

/// What the server must do next, and whether it does.
class Expectation {
 public:
  void add(const Outlook& outlook) {
    const std::scoped_lock lock(mutex_);
    outlooks_.push_back(outlook);
  }
  /// Called by the server's threads.
  void meet(const Outlook& found) {
    const std::scoped_lock lock(mutex_);
    require(!outlooks_.empty(), "the server did what it must not");
    require(outlooks_.front() == found, found.kind == Kind::corrupt ? "the server found corruption in a right request"
                                                                    : "the server took a wrong request for a right one");
    outlooks_.pop_front();
    met_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    require(met_.wait_for(lock, far_too_long, [this] { return outlooks_.empty(); }), "the server did not do what it must");
  }

 private:
  std::mutex mutex_;
  std::condition_variable met_;
  std::deque<Outlook> outlooks_;
};

template <typename Holds>
void await(Holds holds, const char* what) {
  const Clock::time_point deadline = Clock::now() + far_too_long;
  while (!holds()) {
    require(Clock::now() < deadline, what);
    std::this_thread::yield();
  }
}

class ForgingClient {
 public:
  ForgingClient(Arena& arena, const std::string& name, Program& program)
      : program_(program),
        layout_(channel_layout()),
        name_(name),
        memory_(arena.give(layout_.length)),
        segment_(memory_.data(), layout_) {
    ServerOptions options;
    options.workers = 1;  // so that what it looks at is what stands there when its handler ends
    options.wait = program_.byte() % 2 == 0 ? WaitStrategy::block : WaitStrategy::hybrid;
    options.spin_window = 20us;
    options.on_error = [this](const Error& e) {
      require(dynamic_cast<const CorruptedError*>(&e) != nullptr, "the server reported something else than corruption");
      expectation_.meet({.kind = Kind::corrupt});
    };
    server_ = DuplexChannelFactory::getInstance().createInPlaceDuplexServer(
        name, BufferConfig(metadata_size, SharedMemoryView(memory_)), options);
    server_->start([this](Frame& frame) { handle(frame); });
    attach();
  }

  void run() {
    while (program_.more()) {
      if (step()) continue;
      // A server that found corruption says so, and serves the next client.
      await([this] { return ring::load_acquire(segment_.response().writer_pid) == wire::pid_none; }, "a corrupted server stayed");
      if (program_.byte() % 16 != 0) break;  // it may take a slice to notice
      ring::store_release(segment_.request().writer_pid, wire::reset_wanted);
      semaphores_->post_request_ready();
      await([this] { return ring::load_acquire(segment_.request().writer_pid) == wire::pid_none; }, "there was no reset");
      attach();
    }
    ring::store_release(segment_.request().writer_pid, wire::pid_none);  // nobody is waited for
    server_->stop(far_too_long);
  }

 private:
  [[nodiscard]] std::span<std::byte> payload() const { return memory_.subspan(layout_.payload.offset, payload_size); }

  void attach() {
    semaphores_.emplace(name_);
    foresight_ = Foresight(layout_);
    one_way_.clear();
    responses_ = 0;
    ring::store_release(segment_.request().writer_pid, static_cast<std::uint64_t>(::getpid()));
  }

  void handle(Frame& frame) {
    const std::span<std::byte> data = frame.data();
    const auto start = static_cast<std::uint64_t>(data.data() - payload().data());
    expectation_.meet({Kind::request, start - wire::frame_header_v2_size, frame.sequence(), data.size(), frame.capacity(),
                       frame.opcode(), frame.isOneWay()});
    std::fill(data.begin(), data.end(), std::byte{0});
  }

  /// Hands one request over. False: the server finds corruption, and is done with it.
  bool step() {
    publish();
    std::vector<std::byte> copy(memory_.begin(), memory_.end());
    std::memcpy(copy.data() + layout_.oieb_request.offset + wire::oieb_v2_payload_written_count_offset, &counted_, sizeof counted_);
    bool right = true;
    for (bool more = true; more;) {
      const Outlook outlook = foresight_.look(copy);
      right = outlook.kind != Kind::corrupt;
      more = right && outlook.kind != Kind::nothing;
      if (outlook.kind == Kind::request || !right) expectation_.add(outlook);
      if (outlook.kind != Kind::request) continue;
      if (outlook.one_way) {
        one_way_.push_back(outlook.position);
      } else {
        ++responses_;
      }
    }
    ring::store_release(segment_.request().payload_written_count, counted_);  // only now can the server see it
    semaphores_->post_request_ready();
    expectation_.wait();
    if (!right) return false;
    await([this] { return is_done(); }, "the server did not end a request");
    one_way_.clear();
    return true;
  }

  /// Whether the server touches no frame any more.
  [[nodiscard]] bool is_done() const {
    return ring::load_acquire(segment_.request().payload_read_count) == foresight_.passed() &&
           ring::load_acquire(segment_.response().payload_written_count) == responses_ &&
           std::all_of(one_way_.begin(), one_way_.end(), [this](std::uint64_t position) {
             return ring::load_acquire(segment_.header_at(position).state) == static_cast<std::int32_t>(wire::FrameState::consumed);
           });
  }

  /// Writes a request, and forges none, one or two of its words.
  void publish() {
    const std::uint64_t size = program_.below(payload_size / 2);
    const std::uint64_t capacity = ring::round_up(size) + program_.below(3) * wire::block_alignment;
    const std::uint64_t total = wire::frame_header_v2_size + capacity;
    std::uint64_t start = foresight_.cursor();
    const std::uint64_t position = start % payload_size;
    const std::uint64_t room = payload_size - position;
    wire::FrameHeaderV2* marker = nullptr;
    if (position != 0 && room + total <= payload_size && program_.byte() % 2 == 0) {
      marker = &segment_.header_at(position);
      *marker = {};
      marker->state = static_cast<std::int32_t>(wire::FrameState::wrap);
      start += room;
    } else if (position != 0 && total > room) {  // an unmarked lap
      start += room + (room + total <= payload_size ? payload_size : 0);
    }
    wire::FrameHeaderV2& header = segment_.header_at(start % payload_size);
    header = {};
    header.payload_size = header.request_size = size;
    header.capacity = capacity;
    header.sequence_number = foresight_.passed() + 1;
    header.opcode = program_.byte();
    header.flags = program_.byte() % 4 == 0 ? wire::frame_flags_one_way : 0;
    header.state = static_cast<std::int32_t>(program_.byte() % 8 == 7 ? wire::FrameState::cancelled : wire::FrameState::request);
    ring::store_release(segment_.request().payload_written_bytes, start + total);
    counted_ = header.sequence_number;
    for (std::uint64_t forgeries = program_.byte() % 4; forgeries > 1; --forgeries) forge_one(header, start, marker);
  }

  /// Mostly 0, else bytes that are no block.
  std::uint64_t odd() { return program_.byte() % 4 == 0 ? program_.below(wire::block_alignment) : 0; }

  /// `start` is where the frame begins, cumulative.
  void forge_one(wire::FrameHeaderV2& header, std::uint64_t start, wire::FrameHeaderV2* marker) {
    std::uint64_t& written_bytes = segment_.request().payload_written_bytes;
    switch (program_.byte() % 8) {
      case 0: {  // every distance up to what is too far
        const std::uint64_t blocks = program_.below(wire::cursor_lap_limit * payload_size / wire::block_alignment + 4);
        return forge_as(written_bytes, foresight_.cursor() + blocks * wire::block_alignment + odd());
      }
      case 1:
        return forge_as(counted_, foresight_.passed() + program_.below(5) - 2);
      case 2:
        return forge_as(header.payload_size, border(program_, header.capacity));
      case 3:
        return forge_as(header.capacity, header.capacity + (program_.below(4) - 1) * wire::block_alignment - odd());
      case 4:  // that agree, but perhaps reach beyond the payload's end
        forge_as(header.capacity, header.capacity + program_.below(payload_size / wire::block_alignment) * wire::block_alignment);
        return forge_as(written_bytes, start + wire::frame_header_v2_size + header.capacity);
      case 5:
        return forge(program_, {reinterpret_cast<std::byte*>(program_.byte() % 2 == 0 ? &written_bytes : &counted_), 8});
      case 6:
        return forge(program_, program_.field(header_fields, marker != nullptr ? marker : &header));
      default:
        return forge(program_, program_.field(header_fields, &header));
    }
  }

  Program& program_;
  wire::SegmentV2 layout_;
  std::string name_;
  std::span<std::byte> memory_;
  ring::Segment segment_;
  Expectation expectation_;
  Foresight foresight_{layout_};
  std::uint64_t counted_ = 0;  // the request block's written count, to be stored
  std::uint64_t responses_ = 0;
  std::vector<std::uint64_t> one_way_;  // positions
  std::optional<Semaphores> semaphores_;
  std::unique_ptr<IInPlaceDuplexServer> server_;
};

}  // namespace

void forge_requests(Arena& arena, const std::string& name, Program program) {
  while (program.more()) {
    ForgingClient(arena, name, program).run();
    require(arena.is_intact(), "a server wrote outside of the memory");
  }
}

}  // namespace zeroduplex::fuzz
