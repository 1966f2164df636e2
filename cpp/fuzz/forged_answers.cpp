#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "forged.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/frame_state.hpp"
#include "ring/identity.hpp"
#include "ring/segment.hpp"
#include "ring/server_cursor.hpp"

namespace zeroduplex::fuzz {

namespace {

using namespace std::chrono_literals;
using wire::FrameState;

constexpr auto far_too_long = 20s;
constexpr std::chrono::nanoseconds short_timeout = 50us;
constexpr unsigned quick_looks = 10000;

/// What a client must make of an answer.
enum class Verdict : std::uint8_t { pending, response, failed, corrupt };

/// A request as the client sent it.
struct Sent {
  std::uint64_t sequence = 0;
  std::uint64_t size = 0;
  std::uint64_t capacity = 0;
  std::uint32_t opcode = 0;
};

/// What the forging server made of it.
struct Answered {
  std::byte* data = nullptr;
  FrameState state = FrameState::free;
  std::uint64_t size = 0;
  std::int32_t status = 0;

  [[nodiscard]] Verdict verdict(std::uint64_t capacity) const {
    if (state == FrameState::request || state == FrameState::processing) return Verdict::pending;
    if ((state != FrameState::response && state != FrameState::failed) || size > capacity) return Verdict::corrupt;
    return state == FrameState::failed ? Verdict::failed : Verdict::response;
  }
};

class ForgingServer {
 public:
  ForgingServer(Arena& arena, const std::string& name, const Semaphores& semaphores, Program& program)
      : program_(program),
        layout_(channel_layout()),
        memory_(arena.give(layout_.length)),
        segment_(memory_.data(), layout_),
        semaphores_(semaphores),
        cursor_(segment_) {
    semaphores.clear();
    ring::initialise(segment_, 1);
    ring::publish_identity(segment_);
    constexpr WaitStrategy waits[] = {WaitStrategy::hybrid, WaitStrategy::spin, WaitStrategy::block};
    ClientOptions options;
    options.memory = SharedMemoryView(memory_);
    options.connect_timeout = 0ns;
    options.send_timeout = short_timeout;
    options.spin_window = 20us;
    options.wait = waits[program_.below(std::size(waits))];
    client_ = DuplexChannelFactory::getInstance().createClient(name, options);
  }

  void run() {
    while (program_.more() && step()) {
    }
    client_.reset();
  }

 private:
  /// One exchange. False: it was the last, since the client lets go of the channel or waits for good.
  bool step() {
    switch (program_.byte() % 6) {
      case 0:
        return call();
      case 1:
        return end_without_answer(/*one_way=*/true);
      case 2:
        return end_without_answer(/*one_way=*/false);
      case 3:
        return receive([this](const Sent&) { return client_->receiveResponse(short_timeout); });
      default:
        return receive([this](const Sent& sent) { return client_->receiveResponse(sent.sequence, short_timeout); });
    }
  }

  Request some_request(bool one_way) {
    data_.assign(program_.below(payload_size / 2), std::byte{});
    const std::uint64_t capacity = program_.byte() % 2 == 0 ? 0 : data_.size() + program_.below(3) * wire::block_alignment;
    return {data_, program_.byte(), capacity, one_way};
  }

  static Sent sent(const Request& request, std::uint64_t sequence) {
    return {sequence, request.data.size(), ring::round_up(std::max(request.data.size(), request.capacity)), request.opcode};
  }

  Sent send(bool one_way) {
    const Request request = some_request(one_way);
    return sent(request, client_->send(request));
  }

  /// Takes what the client published, which must be what it was told to send.
  ring::RequestFrame take(const Sent& sent, bool one_way) {
    ring::RequestFrame frame;
    require(cursor_.look(frame), "a request that was sent is not there");
    require(frame.sequence == sent.sequence && frame.size == sent.size && frame.capacity == sent.capacity &&
                frame.opcode == sent.opcode && frame.one_way == one_way && !frame.cancelled,
            "the client published another request than it was told to send");
    require(cursor_.take(frame), "a request was taken back that nobody cancelled");
    return frame;
  }

  wire::FrameHeaderV2& header_of(const ring::RequestFrame& frame) const {
    return *reinterpret_cast<wire::FrameHeaderV2*>(frame.data - wire::frame_header_v2_size);
  }

  /// Answers with none, one or two words forged, so that the client sees them all at once.
  Answered answer(const ring::RequestFrame& frame, Program& program, bool may_be_pending) {
    wire::FrameHeaderV2& header = header_of(frame);
    alignas(wire::FrameHeaderV2) std::byte bytes[wire::frame_header_v2_size];
    wire::FrameHeaderV2& draft = *new (bytes) wire::FrameHeaderV2(header);
    draft.payload_size = program.below(frame.capacity + 1);
    draft.status = program.byte();
    draft.state = static_cast<std::int32_t>(program.byte() % 4 == 0 ? FrameState::failed : FrameState::response);
    for (std::uint64_t forgeries = program.byte() % 3; forgeries > 0; --forgeries) {
      if (program.byte() % 4 == 0) {
        forge_as(draft.payload_size, border(program, frame.capacity));
      } else {
        forge(program, program.field(header_fields, &draft));
      }
    }
    Answered answered{frame.data, static_cast<FrameState>(draft.state), draft.payload_size, draft.status};
    if (!may_be_pending && answered.verdict(frame.capacity) == Verdict::pending) answered.state = FrameState::response;
    header.payload_size = draft.payload_size;
    header.sequence_number = draft.sequence_number;
    header.capacity = draft.capacity;
    header.status = draft.status;
    header.request_size = draft.request_size;
    header.opcode = draft.opcode;
    header.flags = draft.flags;
    ring::store_state(header, answered.state);
    cursor_.count_response(answered.size);
    semaphores_.post_response_ready();
    return answered;
  }

  template <typename Receive>
  bool receive(Receive&& by) {
    const Sent sent = send(/*one_way=*/false);
    const Answered answered = answer(take(sent, false), program_, /*may_be_pending=*/true);
    return compare(
        sent, [&]() -> const Answered& { return answered; }, [&] { return by(sent); });
  }

  /// The answer comes while the client waits for it.
  bool call() {
    const Request request = some_request(/*one_way=*/false);
    Answered answered;
    const Sent expected = sent(request, cursor_.passed() + 1);
    std::atomic<bool> ready{false};
    std::atomic<bool> over{false};
    Program theirs = program_;
    program_ = Program({});  // the other thread's from here on
    std::thread server([&] {
      ready.store(true);
      // At first as quick as can be: a client that still spins takes another way than one that sleeps.
      for (unsigned looks = 0; !cursor_.has_published(cursor_.passed()); ++looks) {
        if (over.load()) return;
        if (looks > quick_looks) std::this_thread::yield();
      }
      answered = answer(take(expected, false), theirs, /*may_be_pending=*/false);
    });
    while (!ready.load()) std::this_thread::yield();
    const bool goes_on = compare(
        expected,
        [&]() -> const Answered& {
          over.store(true);
          if (server.joinable()) server.join();
          return answered;
        },
        [&] { return client_->call(request, far_too_long); });
    program_ = theirs;
    return goes_on;
  }

  /// Whether the client makes of the answer what it must. `answered` is asked when the client is done.
  bool compare(const Sent& sent, auto&& answered, auto&& receive) {
    try {
      const Response response = receive();
      const Answered& given = answered();
      require(given.verdict(sent.capacity) == Verdict::response, "the client took a wrong answer for a right one");
      require(response.data().data() == given.data && response.size() == given.size, "a response is not where the request was");
      require(response.sequence() == sent.sequence && response.opcode() == sent.opcode, "a response is another one's");
      return true;
    } catch (const CorruptedError&) {
      require(answered().verdict(sent.capacity) == Verdict::corrupt, "the client found corruption in a right answer");
      require_end();
      return false;
    } catch (const TimeoutError&) {
      require(answered().verdict(sent.capacity) == Verdict::pending, "the client did not see an answer");
      return false;
    } catch (const Error& e) {
      const Answered& given = answered();
      require(given.verdict(sent.capacity) == Verdict::failed, "the client took a wrong answer for a failed one");
      require(e.status() == given.status, "a failure has another status");
      return true;
    }
  }

  /// A client that found corruption does not go on.
  void require_end() {
    try {
      (void)client_->send(Request{});
    } catch (const CorruptedError&) {
      return;
    }
    fail("a client goes on after it found corruption");
  }

  /// A one-way or cancelled request, whose state says when its room is free again.
  bool end_without_answer(bool one_way) {
    const Sent sent = send(one_way);
    if (one_way) {
      (void)take(sent, true);
    } else {
      require(client_->cancel(sent.sequence), "a request was not cancelled that nobody took");
    }
    wire::FrameHeaderV2& header = segment_.header_at(position_of(sent));
    for (std::uint64_t forgeries = program_.byte() % 3; forgeries > 0; --forgeries) {
      forge(program_, program_.field(header_fields, &header));
    }
    if (program_.byte() % 2 == 0) ring::store_state(header, FrameState::consumed);
    const FrameState state = ring::load_state(header);
    const bool over = state == FrameState::consumed;
    const bool right = over || state == FrameState::request || state == FrameState::processing || state == FrameState::cancelled;
    try {
      client_->acquireRequestBuffer(0, 0, short_timeout).abort();
      require(right, "a client took a state for right that the frame cannot have");
    } catch (const CorruptedError&) {
      require(!right, "a client found corruption in a right state");
      require_end();
      return false;
    } catch (const TimeoutError&) {
      require(!over && right, "room that is free was not found");
      return false;
    }
    return over && one_way;  // the cursor is not moved past a cancelled one
  }

  [[nodiscard]] std::uint64_t position_of(const Sent& sent) const {
    // It was the only one in flight and begins a lap: an eager client starts over.
    require(ring::load_acquire(segment_.header_at(0).sequence_number) == sent.sequence, "a client did not start over");
    return 0;
  }

  Program& program_;
  wire::SegmentV2 layout_;
  std::span<std::byte> memory_;
  ring::Segment segment_;
  const Semaphores& semaphores_;
  ring::ServerCursor cursor_;
  std::vector<std::byte> data_;  // of the request
  std::unique_ptr<IDuplexClient> client_;
};

}  // namespace

void forge_answers(Arena& arena, const std::string& name, const Semaphores& semaphores, Program program) {
  while (program.more()) {
    ForgingServer(arena, name, semaphores, program).run();
    require(arena.is_intact(), "a client wrote outside of the memory");
  }
}

}  // namespace zeroduplex::fuzz
