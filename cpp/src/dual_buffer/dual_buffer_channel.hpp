#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <zeroduplex/duplex_client.hpp>
#include <zeroduplex/options.hpp>

#include "client/view_owner.hpp"
#include "common/gate.hpp"
#include "common/memory_reports.hpp"
#include "common/turn_queue.hpp"
#include "dual_buffer/outstanding.hpp"
#include "platform/clock.hpp"
#include "stream/reader_core.hpp"
#include "stream/writer_core.hpp"

namespace zeroduplex::detail {

/// What stands behind a v1 client, its responses and its request buffers. It lives until the client is destroyed and the last of
/// the others is given back. One mutex protects everything; only copying and waiting, for room and for responses, happen outside of
/// it.
class DualBufferChannel final : public ViewOwner {
 public:
  using Duration = std::chrono::nanoseconds;

  /// Throws as DualBufferDuplexChannel does.
  DualBufferChannel(std::string name, const ClientOptions& options);

  // Of the client.
  std::uint64_t send(const Request& request, Duration timeout);
  RequestBuffer acquire(std::size_t size, Duration timeout);
  Response receive(Duration timeout);
  Response receive(std::uint64_t sequence, Duration timeout);
  Response call(const Request& request, Duration send_timeout, Duration timeout);
  bool cancel(std::uint64_t sequence);
  void set_metadata(std::span<const std::byte> content);
  std::vector<std::byte> server_metadata();
  bool is_server_connected();
  [[nodiscard]] MemoryReport memory_report() const { return both(requests_->memory_report(), responses_->memory_report()); }
  void close() noexcept;
  /// Closes, and ends the life of the channel unless views are out.
  static void drop_client(DualBufferChannel* channel) noexcept;

  // Of the views that are out.
  std::uint64_t commit(RequestBuffer& buffer) override;
  void abort() noexcept override;
  void release(std::uint64_t sequence) noexcept override;

 private:
  using Lock = Gate::Lock;
  enum class OnTimeout : std::uint8_t { keep, give_up };

  ~DualBufferChannel() = default;

  // connect.cpp
  void connect(const ClientOptions& options);
  void attach(const ClientOptions& options, platform::TimePoint deadline);

  // dual_buffer_channel.cpp
  void check_usable();
  [[noreturn]] void throw_unusable();
  void fail(ErrorCode code, std::string detail) noexcept;
  /// Of what a buffer throws, in a handler of it: remembers that the server is gone, and throws what the client throws.
  [[noreturn]] void translate();
  void end_view(Lock lock) noexcept;
  [[nodiscard]] std::string lost_requests();

  // send.cpp
  std::uint64_t send_claimed(const Request& request, Duration timeout, bool claimed);
  [[nodiscard]] std::byte* acquire_room(Lock& lock, std::size_t size, Duration timeout);
  void drop_unwanted(Lock& lock);
  std::uint64_t publish(bool one_way, bool claimed);

  // receive.cpp
  Response receive_claimed(Lock lock, std::optional<std::uint64_t> sequence, Duration timeout, OnTimeout on_timeout);
  [[nodiscard]] std::optional<Response> try_deliver(const std::optional<std::uint64_t>& sequence);
  bool read_response(Lock& lock, Duration timeout, stream::ReaderCore::WhenWriterIsGone when_gone);
  void accept(const stream::TakenFrame& response);
  void give_up(std::uint64_t sequence) noexcept;
  void end(OutstandingRequest& request) noexcept;

  const std::string name_;
  Gate gate_;
  std::shared_ptr<stream::WriterCore> requests_;
  std::shared_ptr<stream::ReaderCore> responses_;
  OutstandingRequests outstanding_;

  TurnQueue receivers_;      // the first reads responses, the others wait for it
  std::uint32_t views_ = 0;  // responses and request buffers that are out
  bool has_client_ = true;
  std::optional<ErrorCode> failure_;
  std::string failure_detail_;
};

}  // namespace zeroduplex::detail
