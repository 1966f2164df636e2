#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <zeroduplex/options.hpp>

#include "stream/writer_core.hpp"

namespace zeroduplex::detail {

/// Where a v1 server's responses go: the response buffer of the client that is attached, if it has one. Its worker calls everything
/// but set_metadata() and close(), which are thread-safe.
class ResponseBuffer {
 public:
  ResponseBuffer(std::string name, const ServerOptions& options);

  /// Leaves the buffer of the client before and opens the one of the client that begins. Waits for one that is missing, unless
  /// `is_hopeless()`. Without a buffer afterwards when there is none of a living client.
  void open(const std::function<bool()>& is_hopeless);
  /// Leaves the buffer of a client that is gone. Whether there is one of a client that is not, as far as was asked within a slice.
  [[nodiscard]] bool keep_if_client_lives();

  /// The largest response.
  [[nodiscard]] std::uint64_t capacity() const;
  /// Room for a response, until commit() or abort(). Throws InvalidFrameSizeError, ResponseTooLargeError, ClientDeadError,
  /// ClosedError.
  [[nodiscard]] std::byte* acquire(std::size_t size);
  /// Sends it. Throws ClientDeadError, ClosedError.
  void commit();
  void abort() noexcept;
  /// Sends a message, cut to what fits. Throws ClientDeadError, ClosedError.
  void send_message(std::string_view message);

  /// Of the present client's buffer, nothing without a client. Thread-safe.
  [[nodiscard]] std::optional<MemoryReport> memory_report() const;
  /// Throws MetadataAlreadyWrittenError, and MetadataTooLargeError when the client that is attached has no room for it.
  void set_metadata(std::span<const std::byte> content);
  /// Leaves the buffer for good, also under a worker that waits for room.
  void close() noexcept;

 private:
  [[nodiscard]] std::shared_ptr<stream::WriterCore> writer() const;
  void adopt(std::shared_ptr<stream::WriterCore> writer);
  void leave() noexcept;
  [[noreturn]] void translate_and_leave();

  const std::string name_;
  const ServerOptions options_;

  mutable std::mutex mutex_;
  std::shared_ptr<stream::WriterCore> writer_;  // none without a client
  std::optional<std::vector<std::byte>> metadata_;
  bool closed_ = false;

  std::shared_ptr<stream::WriterCore> acquired_;  // the worker's, from acquire() on: keeps the room mapped
};

}  // namespace zeroduplex::detail
