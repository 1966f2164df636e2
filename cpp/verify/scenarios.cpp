// Pieces of a channel's life, made of the ring's real code. What the channel and the server put around it, fences, posts and the
// order of steps, is repeated here as src/client and src/server have it.

#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "machine.hpp"
#include "ring/atomic_fields.hpp"
#include "ring/client_ring.hpp"
#include "ring/frame_state.hpp"
#include "ring/identity.hpp"
#include "ring/metadata.hpp"
#include "ring/server_cursor.hpp"
#include "scenario.hpp"

namespace verify {

namespace {

namespace ring = zeroduplex::ring;
namespace wire = zeroduplex::wire;
using wire::FrameState;
using zeroduplex::Lap;

constexpr std::uint64_t block = wire::block_alignment;
constexpr std::uint64_t answered = 1000;  // what a handler adds to the request's word

/// Relacy leaves a failed run where it stands, so nothing here may clean up behind it.
template <typename T>
class Slot {
 public:
  template <typename... Arguments>
  void make(Arguments&&... arguments) {
    ::new (storage_) T(static_cast<Arguments&&>(arguments)...);
  }
  void destroy() { (*this)->~T(); }
  T* operator->() { return reinterpret_cast<T*>(storage_); }
  T& operator*() { return *reinterpret_cast<T*>(storage_); }

 private:
  alignas(T) std::byte storage_[sizeof(T)];
};

Slot<ring::Segment> segment;
Slot<ring::ClientRing> client;
Slot<ring::ServerCursor> server;

void require(bool holds, const char* what) {
  if (!holds) fail(what);
}

/// Runs what may throw; an error is a failure, reported outside of the handler.
template <typename F>
auto guarded(F body) {
  std::string problem;
  try {
    return body();
  } catch (const zeroduplex::Error& e) {
    problem = e.detail();
  }
  fail(problem.c_str());
}

/// A frame's data is two words, the second where the state of a header stands that these bytes may have held before.
std::uint64_t read_word(const std::byte* data) { return *reinterpret_cast<const std::uint64_t*>(data); }
void write_word(std::byte* data, std::uint64_t value) {
  *reinterpret_cast<std::uint64_t*>(data) = value;
  *reinterpret_cast<std::uint64_t*>(data + wire::frame_header_v2_state_offset) = value;
}

// ---- What every scenario begins and ends with ----

void begin(std::uint64_t payload_blocks, Lap lap) {
  segment.make(memory, *wire::resolve_segment_v2(0, 0, payload_blocks * block));
  const Doing doing(Call::create);
  ring::initialise(*segment, 1);
  client.make(*segment, lap);
  server.make(*segment);
}

void end() {
  client.destroy();
  server.destroy();
  segment.destroy();
}

// ---- The client's steps ----

std::byte* reserve(std::uint64_t blocks) {
  {
    const Doing doing(Call::reclaim);
    guarded([] { return client->reclaim(); });
  }
  const Doing doing(Call::reserve);
  return client->reserve(blocks * block);
}

std::byte* reserve_spinning(std::uint64_t blocks) {
  for (;;) {
    if (std::byte* const data = reserve(blocks)) return data;
    pause();
  }
}

std::byte* reserve_sleeping(std::uint64_t blocks) {
  for (;;) {
    if (std::byte* const data = reserve(blocks)) return data;
    const Doing doing(Call::wait);
    wait(space_available);
    ring::fence();
  }
}

ring::InFlight& publish(std::byte* data, std::uint64_t word, bool one_way = false) {
  const Doing doing(Call::publish);
  const std::uint64_t size = data == nullptr ? 0 : 8;
  if (size > 0) write_word(data, word);
  return client->publish(size, 0, one_way);
}

std::optional<ring::Answer> look_for_answer(const ring::InFlight& frame) {
  const Doing doing(Call::answer);
  return guarded([&] { return client->answer(frame); });
}

void release(std::uint64_t sequence) {
  const Doing doing(Call::release);
  client->release(*client->find(sequence));
}

void receive(std::uint64_t sequence, std::uint64_t word) {
  for (;;) {
    if (const auto answer = look_for_answer(*client->find(sequence))) {
      if (answer->size > 0) require(read_word(answer->data) == word + answered, "a response is not what the handler wrote");
      release(sequence);
      return;
    }
    pause();
  }
}

// ---- The server's steps ----

void fence_and_post(Semaphore semaphore) {
  ring::fence();
  if (is_zero(semaphore)) post(semaphore);
}

/// Takes the next frame; skips cancelled ones, which tells whoever waits for room.
bool take(ring::RequestFrame& request) {
  return guarded([&] {
    for (;;) {
      {
        const Doing doing(Call::look);
        if (!server->look(request)) return false;
      }
      if (request.cancelled) {
        const Doing doing(Call::skip);
        server->skip(request);
        fence_and_post(space_available);
        continue;
      }
      const Doing doing(Call::take);
      if (server->take(request)) return true;
    }
  });
}

void take_spinning(ring::RequestFrame& request) {
  while (!take(request)) {
    for (;;) {
      const Doing doing(Call::poll);
      if (server->has_published(server->passed())) break;
      pause();
    }
  }
}

void handle(const ring::RequestFrame& request) {
  if (request.size == 0) return;
  write_word(request.data, read_word(request.data) + answered);
}

void answer(const ring::RequestFrame& request) {
  {
    const Doing doing(Call::respond);
    request.answer(FrameState::response, request.size, 0);
  }
  const Doing doing(Call::count);
  server->count_response(request.size);
}

void serve_spinning() {
  ring::RequestFrame request;
  take_spinning(request);
  handle(request);
  answer(request);
}

// ---- The scenarios ----
// Semaphores begin with a token that is left over from something, as any may be: it is where a post gets lost.

/// Three requests one after the other through the same bytes.
void exchange_before() { begin(3, Lap::eager); }
void exchange(std::uint32_t thread) {
  for (std::uint64_t n = 1; n <= 3; ++n) {
    if (thread == 0) {
      publish(reserve(1), n);
      receive(n, n);
    } else {
      serve_spinning();
    }
  }
}

/// Five units, a marked wrap, and data where the marker was while the frame behind it is still in flight.
void wrap_before() { begin(5, Lap::needed); }
void wrap(std::uint32_t thread) {
  if (thread == 0) {
    publish(reserve(1), 1);
    publish(reserve(1), 2);
    receive(1, 1);
    publish(reserve_spinning(1), 3);
    receive(2, 2);
    reserve_spinning(0);
    publish(nullptr, 4);
    publish(reserve_spinning(1), 5);
    for (std::uint64_t n = 3; n <= 5; ++n) receive(n, n);
  } else {
    for (int i = 0; i < 5; ++i) serve_spinning();
  }
}

/// One-way requests through the same bytes; the client sleeps until there is room.
void one_way_before() {
  begin(2, Lap::eager);
  post(space_available);
}
void one_way(std::uint32_t thread) {
  for (std::uint64_t n = 1; n <= 2; ++n) {
    if (thread == 0) {
      publish(reserve_sleeping(1), n, true);
    } else {
      ring::RequestFrame request;
      take_spinning(request);
      require(request.one_way && read_word(request.data) == n, "a one-way request is not what the client wrote");
      const Doing doing(Call::finish);
      request.finish();
      fence_and_post(space_available);
    }
  }
}

/// A request that is cancelled or not, and one after it in the same bytes.
void cancel_before() { begin(2, Lap::eager); }
void cancel(std::uint32_t thread) {
  if (thread == 0) {
    publish(reserve(1), 1);
    bool cancelled = false;
    {
      const Doing doing(Call::cancel);
      cancelled = client->cancel(*client->find(1));
    }
    if (!cancelled) receive(1, 1);
    publish(reserve_spinning(1), 2);
    receive(2, 2);
  } else {
    while (server->passed() < 2) serve_spinning();
  }
}

/// Both sides sleep.
void sleep_before() {
  begin(6, Lap::eager);
  post(request_ready);
  post(response_ready);
}
void sleep(std::uint32_t thread) {
  constexpr std::uint64_t requests = 2;
  if (thread == 0) {
    for (std::uint64_t n = 1; n <= requests; ++n) {
      std::byte* const data = reserve(1);
      publish(data, n);
      const Doing doing(Call::publish);
      fence_and_post(request_ready);
    }
    for (std::uint64_t n = 1; n <= requests; ++n) {
      while (!look_for_answer(*client->find(n))) {
        const Doing doing(Call::wait);
        wait(response_ready);
        ring::fence();
      }
      receive(n, n);
    }
  } else {
    for (std::uint64_t n = 1; n <= requests; ++n) {
      ring::RequestFrame request;
      while (!take(request)) {
        const Doing doing(Call::wait);
        wait(request_ready);
        ring::fence();
      }
      handle(request);
      answer(request);
      const Doing doing(Call::respond);
      fence_and_post(response_ready);
    }
  }
}

/// A request is given up, and its sender sleeps until its bytes are free.
void abandon_before() {
  begin(2, Lap::eager);
  post(space_available);
}
/// The same with no token left over: where one would save a sleeper that a flag was not seen for.
void abandon_quietly_before() { begin(2, Lap::eager); }
void abandon(std::uint32_t thread) {
  if (thread == 0) {
    publish(reserve(1), 1);
    {
      const Doing doing(Call::abandon);
      ring::InFlight& frame = *client->find(1);
      if (!client->cancel(frame)) client->abandon(frame);
    }
    publish(reserve_sleeping(1), 2);
    receive(2, 2);
  } else {
    while (server->passed() < 2) {
      ring::RequestFrame request;
      take_spinning(request);
      handle(request);
      answer(request);
      const Doing doing(Call::abandoned);
      ring::fence();
      if (is_zero(space_available) && request.is_abandoned()) post(space_available);
    }
  }
}

/// Any response is welcome, and the younger request is answered first: the count tells of it.
void any_before() { begin(6, Lap::eager); }
void any(std::uint32_t thread) {
  if (thread == 0) {
    publish(reserve(1), 1);
    publish(reserve(1), 2);
    for (std::uint64_t seen = 0; seen < 2; ++seen) {
      for (;;) {
        const Doing doing(Call::spin);
        if (ring::load_acquire(segment->response().payload_written_count) != seen) break;
        pause();
      }
      std::uint64_t found = 0;
      for (std::uint64_t n = 1; n <= 2 && found == 0; ++n) {
        if (!client->find(n)->released && look_for_answer(*client->find(n))) found = n;
      }
      require(found != 0, "a response is counted, and none is there");
      receive(found, found);
    }
  } else {
    ring::RequestFrame first;
    ring::RequestFrame second;
    take_spinning(first);
    take_spinning(second);
    handle(second);
    answer(second);
    handle(first);
    answer(first);
  }
}

/// A stopped server leaves the memory once the client has consumed everything.
void drain_before() {
  begin(2, Lap::eager);
  post(response_consumed);
}
void drain(std::uint32_t thread) {
  if (thread == 0) {
    publish(reserve(1), 1);
    receive(1, 1);
    const Doing doing(Call::release);
    fence_and_post(response_consumed);
  } else {
    ring::RequestFrame request;
    take_spinning(request);
    handle(request);
    answer(request);
    for (;;) {
      {
        const Doing doing(Call::drain);
        if (server->is_drained()) break;
      }
      const Doing doing(Call::wait);
      wait(response_consumed);
      ring::fence();
    }
    // Memory that was given to the server is its giver's again.
    write_word(request.data, 0);
  }
}

/// A new segment is found by a client.
void create_before() { segment.make(memory, *wire::resolve_segment_v2(0, 0, 2 * block)); }
void create(std::uint32_t thread) {
  if (thread == 0) {
    for (;;) {
      const Doing doing(Call::attach);
      if (ring::identify(ring::load_identity({memory, memory_size})) == ring::Identity::v2) break;
      pause();
    }
    guarded([] {
      require(ring::validate({memory, memory_size}, true).payload.size == 2 * block, "a segment is not what the server made");
      return true;
    });
  } else {
    const Doing doing(Call::create);
    ring::initialise(*segment, 1);
    ring::publish_identity(*segment);
  }
}
void create_after() { segment.destroy(); }

/// The server resets what a client left, and the next client attaches, with metadata.
void write_metadata(std::uint64_t content) {
  const Doing doing(Call::metadata);
  guarded([&] {
    ring::write_metadata(segment->request(), segment->metadata_request(), std::as_bytes(std::span(&content, 1)));
    return true;
  });
}
void attach_before() {
  begin(2, Lap::eager);
  ring::store_relaxed(segment->request().writer_pid, wire::reset_wanted);
  write_metadata(1);
  publish(reserve(1), 1);
  ring::RequestFrame request;
  require(take(request), "the old client's request is gone");
  answer(request);
  release(1);
  client.destroy();
  client.make(*segment, Lap::eager);
}
void attach(std::uint32_t thread) {
  wire::OiebV2& request = segment->request();
  if (thread == 0) {
    for (;;) {
      const Doing doing(Call::attach);
      if (ring::load_acquire(request.writer_pid) == wire::pid_none) break;
      pause();
    }
    {
      const Doing doing(Call::attach);
      ring::store_release(segment->response().reader_pid, std::uint64_t{2});
      ring::store_release(request.writer_pid, std::uint64_t{2});
    }
    write_metadata(2);
    publish(reserve(1), 1);
    receive(1, 1);
  } else {
    {
      const Doing doing(Call::reset);
      ring::store_relaxed(request.metadata_free_bytes, segment->metadata_request().size());
      ring::store_release(request.metadata_written_bytes, std::uint64_t{0});
      server->reset();
      ring::store_release(segment->response().reader_pid, wire::pid_none);
      ring::store_release(segment->response().writer_pid, std::uint64_t{1});
      ring::store_release(request.writer_pid, wire::pid_none);
    }
    for (;;) {
      const Doing doing(Call::metadata);
      const auto metadata = guarded([&] { return ring::read_metadata(request, segment->metadata_request()); });
      if (!metadata.empty()) {
        require(read_word(metadata.data()) == 2, "metadata is not what the client wrote");
        break;
      }
      pause();
    }
    serve_spinning();
  }
}

constexpr Scenario all[] = {
    {"exchange", 2, exchange_before, exchange, end},
    {"wrap", 2, wrap_before, wrap, end},
    {"one-way", 2, one_way_before, one_way, end},
    {"cancel", 2, cancel_before, cancel, end},
    {"sleep", 2, sleep_before, sleep, end},
    {"abandon", 2, abandon_before, abandon, end},
    {"abandon-quietly", 2, abandon_quietly_before, abandon, end},
    {"any", 2, any_before, any, end},
    {"drain", 2, drain_before, drain, end},
    {"create", 2, create_before, create, create_after},
    {"attach", 2, attach_before, attach, end},
};

}  // namespace

std::span<const Scenario> scenarios() { return all; }

}  // namespace verify
