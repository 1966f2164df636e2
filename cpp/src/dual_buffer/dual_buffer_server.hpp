#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/error.hpp>
#include <zeroduplex/options.hpp>

#include "dual_buffer/answering.hpp"
#include "dual_buffer/response_buffer.hpp"
#include "platform/clock.hpp"
#include "platform/fork.hpp"
#include "stream/reader_core.hpp"

namespace zeroduplex::detail {

/// Owns the request buffer of a v1 duplex channel and the worker that answers.
class DualBufferServer : public std::enable_shared_from_this<DualBufferServer> {
 public:
  using Duration = std::chrono::nanoseconds;

  DualBufferServer(std::string name, const BufferConfig& config, const ServerOptions& options);
  DualBufferServer(const DualBufferServer&) = delete;
  DualBufferServer& operator=(const DualBufferServer&) = delete;

  /// `Handling` is made from the handler.
  template <typename Handling, typename Handler>
  void start(Handler handler) {
    if (!handler) throw InvalidArgumentError("a server cannot start without a handler");
    start(std::make_unique<Handling>(std::move(handler), [this](const Error& error) { report(error); }));
  }
  void stop(Duration timeout);
  void request_stop() noexcept;
  /// For the destructor of the server: stops, then waits for a handler that still runs, unless it is the one that destroys.
  void end() noexcept;

  void set_metadata(std::span<const std::byte> content);
  [[nodiscard]] std::vector<std::byte> client_metadata();
  [[nodiscard]] bool is_client_connected();
  [[nodiscard]] MemoryReport memory_report();
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] Duration stop_timeout() const noexcept { return options_.stop_timeout; }
  /// Whether this process is a forked child, to which nothing of this belongs.
  [[nodiscard]] bool is_foreign() const noexcept { return fork_generation_ != platform::fork_generation(); }

 private:
  void start(std::unique_ptr<Answering> answering);
  [[nodiscard]] bool stop_worker(Duration timeout) noexcept;
  [[nodiscard]] std::shared_ptr<stream::ReaderCore> make_requests() const;
  [[nodiscard]] std::shared_ptr<stream::ReaderCore> requests();
  void refuse_foreign() const;
  void report(const Error& error) const noexcept;

  // Of the worker.
  void work() noexcept;
  [[nodiscard]] bool serve(const std::shared_ptr<stream::ReaderCore>& requests);
  void open_responses(const stream::ReaderCore& requests);
  [[nodiscard]] bool start_over() noexcept;

  const std::string name_;
  const BufferConfig config_;
  const ServerOptions options_;
  const std::uint32_t fork_generation_ = platform::fork_generation();
  ResponseBuffer responses_;
  std::unique_ptr<Answering> answering_;  // set before the worker begins

  std::mutex stop_mutex_;  // one stop at a time; taken before mutex_
  bool stopped_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool working_ = false;
  std::shared_ptr<stream::ReaderCore> requests_;
  std::thread worker_;
};

}  // namespace zeroduplex::detail
