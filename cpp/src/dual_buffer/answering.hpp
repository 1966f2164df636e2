#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <zeroduplex/duplex_server.hpp>
#include <zeroduplex/error.hpp>
#include <zeroduplex/immutable_duplex_server.hpp>

#include "dual_buffer/response_buffer.hpp"
#include "dual_buffer/scratch_memory.hpp"
#include "server/frame_access.hpp"
#include "stream/reader_core.hpp"

namespace zeroduplex::detail {

/// A request that was read, given back at the latest when this goes.
class ReadRequest {
 public:
  ReadRequest(std::shared_ptr<stream::ReaderCore> reader, const stream::TakenFrame& frame) noexcept
      : reader_(std::move(reader)), frame_(frame) {}
  ReadRequest(const ReadRequest&) = delete;
  ReadRequest& operator=(const ReadRequest&) = delete;
  ~ReadRequest() { release(); }

  [[nodiscard]] std::span<const std::byte> data() const noexcept { return {frame_.data, frame_.size}; }
  [[nodiscard]] std::uint64_t sequence() const noexcept { return frame_.sequence; }
  void release() noexcept {
    if (reader_) std::exchange(reader_, nullptr)->release(frame_.slot);
  }

 private:
  std::shared_ptr<stream::ReaderCore> reader_;
  stream::TakenFrame frame_;
};

/// Answers requests with a handler of the user's: exactly one response each, unless the client is gone.
class Answering {
 public:
  using Report = std::function<void(const Error&)>;

  explicit Answering(Report report) : report_(std::move(report)) {}
  Answering(const Answering&) = delete;
  Answering& operator=(const Answering&) = delete;
  virtual ~Answering() = default;

  /// Throws nothing.
  void answer(ReadRequest& request, ResponseBuffer& responses) noexcept;

 protected:
  /// Runs the handler. Throws HandlerFailedError and ResponseTooLargeError for what answer() sends instead of a response;
  /// ClientDeadError and ClosedError when nobody is there for a response any more, but not because a handler threw them.
  virtual void run(ReadRequest& request, ResponseBuffer& responses) = 0;

 private:
  void fail(const Error& error, const std::string& message, ResponseBuffer& responses) noexcept;

  const Report report_;
};

/// With the handler of an in-place server, on a copy of the request.
class InPlaceHandling final : public Answering {
 public:
  InPlaceHandling(IDuplexServer::Handler handler, Report report) : Answering(std::move(report)), handler_(std::move(handler)) {}

 private:
  void run(ReadRequest& request, ResponseBuffer& responses) override;

  const IDuplexServer::Handler handler_;
  FrameAccess access_;
  ScratchMemory scratch_;
};

/// With a handler that reads the request where it stands.
class ImmutableHandling final : public Answering {
 public:
  ImmutableHandling(IImmutableDuplexServer::ImmutableHandler handler, Report report)
      : Answering(std::move(report)), handler_(std::move(handler)) {}

 private:
  void run(ReadRequest& request, ResponseBuffer& responses) override;
  static void close(ImmutableRequest& view, ImmutableResponse& writer) noexcept;

  const IImmutableDuplexServer::ImmutableHandler handler_;
};

}  // namespace zeroduplex::detail
