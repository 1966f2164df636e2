// Every order of the shipped ring and what becomes of the scenarios without it. `ring-orders run orders_all-named` fails when the
// code has one that no row names.

#include "orders.hpp"

namespace verify {

namespace {

constexpr Site load(Call call, Field field, bool response_block = false) {
  return {call, Operation::load, response_block, field, 0};
}
constexpr Site store(Call call, Field field, bool response_block = false) {
  return {call, Operation::store, response_block, field, 0};
}
constexpr Site store_state(Call call, std::uint32_t state) { return {call, Operation::store, false, Field::state, state}; }
constexpr Site swap_state(Call call, std::uint32_t state) { return {call, Operation::swap, false, Field::state, state}; }
constexpr Site fence_of(Call call) { return {call, Operation::fence, false, Field::none, 0}; }

// Numbers of states, as on the wire.
constexpr std::uint32_t request = 1;
constexpr std::uint32_t processing = 2;
constexpr std::uint32_t response = 3;
constexpr std::uint32_t consumed = 5;
constexpr std::uint32_t cancelled = 6;
constexpr std::uint32_t marker = 7;

constexpr bool of_response_block = true;

constexpr const char* count_covers =
    "written_count is stored later and loaded earlier, and covers it; an inspector has only the state";
constexpr const char* for_inspectors = "nobody but an inspector looks at it";
constexpr const char* pid_covers = "the request block's writer_pid, stored last, covers it";
constexpr const char* pairs_with_swap = "what matters is that one of the two swaps succeeds; the data is covered by written_count";

}  // namespace

const std::vector<Weakening>& weakenings() {
  static const std::vector<Weakening> all = {
      // Publishing and taking.
      {"publish-count", "exchange", {store(Call::publish, Field::written_count)}, true, ""},
      {"look-count", "exchange", {load(Call::look, Field::written_count)}, true, ""},
      {"publish-state", "wrap", {store_state(Call::publish, request), store_state(Call::publish, marker)}, false, count_covers},
      {"look-state", "wrap", {load(Call::look, Field::state)}, false, count_covers},
      {"look-flags", "one-way", {load(Call::look, Field::flags)}, false, count_covers},
      {"publish-bytes", "wrap", {store(Call::publish, Field::written_bytes)}, false, count_covers},
      {"look-bytes", "wrap", {load(Call::look, Field::written_bytes)}, false, count_covers},
      {"poll-count",
       "exchange",
       {load(Call::poll, Field::written_count)},
       false,
       "who sees the count by it looks again, with the lock"},
      {"take", "cancel", {swap_state(Call::take, processing)}, false, pairs_with_swap},
      {"take-again", "cancel", {load(Call::take, Field::state)}, false, "it only tells a cancelled frame from corruption"},
      {"free-bytes",
       "wrap",
       {store(Call::publish, Field::free_bytes), store(Call::publish, Field::free_bytes, of_response_block),
        store(Call::reclaim, Field::free_bytes), store(Call::reclaim, Field::free_bytes, of_response_block)},
       false,
       for_inspectors},
      // Answering and releasing.
      {"answer-state", "exchange", {store_state(Call::respond, response)}, true, ""},
      {"answer-look", "exchange", {load(Call::answer, Field::state)}, true, ""},
      {"count-response", "any", {store(Call::count, Field::written_count, of_response_block)}, true, ""},
      {"spin-count", "any", {load(Call::spin, Field::written_count, of_response_block)}, true, ""},
      {"count-bytes", "any", {store(Call::count, Field::written_bytes, of_response_block)}, false, for_inspectors},
      {"release-state",
       "exchange",
       {store_state(Call::release, consumed), store_state(Call::abandon, consumed), store_state(Call::reclaim, consumed)},
       false,
       for_inspectors},
      {"release-count", "drain", {store(Call::release, Field::read_count, of_response_block)}, true, ""},
      {"late-release-count",
       "abandon",
       {store(Call::abandon, Field::read_count, of_response_block), store(Call::reclaim, Field::read_count, of_response_block)},
       false,
       "a late answer was not read, so nothing is handed over with it"},
      {"drain-count", "drain", {load(Call::drain, Field::read_count, of_response_block)}, true, ""},
      // Reclaiming.
      {"finish-state", "one-way", {store_state(Call::finish, consumed)}, true, ""},
      {"skip-state", "cancel", {store_state(Call::skip, consumed)}, true, ""},
      {"reclaim-state", "one-way", {load(Call::reclaim, Field::state)}, true, ""},
      {"take-read-count", "wrap", {store(Call::take, Field::read_count)}, true, ""},
      {"reclaim-read-count", "wrap", {load(Call::reclaim, Field::read_count)}, true, ""},
      {"skip-read-count",
       "cancel",
       {store(Call::skip, Field::read_count)},
       false,
       "the state, stored before, covers a cancelled frame and its waste"},
      // Cancelling and abandoning.
      {"cancel", "cancel", {swap_state(Call::cancel, cancelled), swap_state(Call::abandon, cancelled)}, false, pairs_with_swap},
      {"abandon-flag",
       "abandon-quietly",
       {{Call::abandon, Operation::fetch_or, false, Field::flags, 0}},
       false,
       "the fence behind it orders it"},
      {"abandon-look", "abandon", {load(Call::abandon, Field::state)}, true, ""},
      {"abandon-fence", "abandon-quietly", {fence_of(Call::abandon)}, true, ""},
      {"abandoned-fence", "abandon-quietly", {fence_of(Call::abandoned)}, true, ""},
      // The fences around posting and sleeping.
      {"publish-fence", "sleep", {fence_of(Call::publish)}, true, ""},
      {"answer-fence", "sleep", {fence_of(Call::respond)}, true, ""},
      {"wait-fence", "sleep", {fence_of(Call::wait)}, true, ""},
      {"finish-fence", "one-way", {fence_of(Call::finish)}, true, ""},
      {"skip-fence", "abandon", {fence_of(Call::skip)}, true, ""},
      {"release-fence", "drain", {fence_of(Call::release)}, true, ""},
      // Creating, attaching, resetting, metadata.
      {"identity-store", "create", {store(Call::create, Field::identity)}, true, ""},
      {"identity-load", "create", {load(Call::attach, Field::identity)}, true, ""},
      {"create-others",
       "create",
       {store(Call::create, Field::reader_pid), store(Call::create, Field::writer_pid, of_response_block),
        store(Call::create, Field::identity, of_response_block)},
       false,
       "the identity, stored last, covers it"},
      {"metadata-store", "attach", {store(Call::metadata, Field::metadata_written)}, true, ""},
      {"metadata-load", "attach", {load(Call::metadata, Field::metadata_written)}, true, ""},
      {"reset-pid", "attach", {store(Call::reset, Field::writer_pid)}, true, ""},
      {"attach-pid-load", "attach", {load(Call::attach, Field::writer_pid)}, true, ""},
      {"reset-others",
       "attach",
       {store(Call::reset, Field::metadata_written), store(Call::reset, Field::written_bytes),
        store(Call::reset, Field::written_count), store(Call::reset, Field::read_count), store(Call::reset, Field::free_bytes),
        store(Call::reset, Field::written_bytes, of_response_block), store(Call::reset, Field::written_count, of_response_block),
        store(Call::reset, Field::read_count, of_response_block), store(Call::reset, Field::free_bytes, of_response_block),
        store(Call::reset, Field::reader_pid, of_response_block), store(Call::reset, Field::writer_pid, of_response_block)},
       false,
       pid_covers},
      {"attach-pids",
       "attach",
       {store(Call::attach, Field::reader_pid, of_response_block), store(Call::attach, Field::writer_pid)},
       false,
       "it says that somebody is there; what this client hands over goes by written_count and metadata_written_bytes"},
  };
  return all;
}

}  // namespace verify
