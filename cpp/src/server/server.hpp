#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/duplex_server.hpp>
#include <zeroduplex/options.hpp>

#include "platform/owner_lock.hpp"
#include "server/engine.hpp"

namespace zeroduplex::detail {

/// Owns the name, the threads and the engine of the segment that has the name now.
class Server {
 public:
  using Duration = std::chrono::nanoseconds;
  using Handler = IInPlaceDuplexServer::Handler;

  Server(std::string name, const BufferConfig& config, const ServerOptions& options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  void start(Handler handler);
  void stop(Duration timeout);
  void request_stop() noexcept;
  void set_metadata(std::span<const std::byte> data);
  [[nodiscard]] std::vector<std::byte> client_metadata();
  [[nodiscard]] bool is_client_connected();
  [[nodiscard]] MemoryReport memory_report();
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] Duration stop_timeout() const noexcept { return options_.stop_timeout; }
  /// Whether this process is a forked child, to which nothing of this belongs.
  [[nodiscard]] bool is_foreign() const noexcept;

 private:
  [[nodiscard]] std::shared_ptr<Engine> make_engine();
  [[nodiscard]] std::shared_ptr<Engine> engine();
  void refuse_foreign() const;
  [[nodiscard]] bool stop_engine(Duration timeout) noexcept;
  void start_workers();
  void supervise() noexcept;
  [[nodiscard]] bool start_over() noexcept;

  const std::string name_;
  const BufferConfig config_;
  const ServerOptions options_;
  const std::uint32_t fork_generation_;
  platform::OwnerLock owner_;

  std::mutex stop_mutex_;  // one stop at a time; taken before mutex_
  bool stopped_ = false;

  std::mutex mutex_;
  std::condition_variable stopping_wake_;
  bool stopping_ = false;
  std::optional<std::vector<std::byte>> metadata_;
  std::shared_ptr<const Handler> handler_;
  std::shared_ptr<Engine> engine_;
  std::vector<std::thread> workers_;
  std::thread supervisor_;
};

}  // namespace zeroduplex::detail
