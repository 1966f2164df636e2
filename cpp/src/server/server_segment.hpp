#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <zeroduplex/buffer_config.hpp>
#include <zeroduplex/memory_provider.hpp>
#include <zeroduplex/memory_report.hpp>
#include <zeroduplex/options.hpp>

#include "platform/semaphore.hpp"
#include "ring/segment.hpp"

namespace zeroduplex::detail {

/// The segment as its server owns it: memory, name, lock byte and semaphores, from creation to removal.
class ServerSegment {
 public:
  /// Takes the name, which the caller holds the owner lock of, and creates everything. Throws NameInUseError, InvalidArgumentError,
  /// OutOfMemoryError, PermissionDeniedError, SystemError. Metadata of the server that is known already is there before any client
  /// is.
  ServerSegment(std::string name, const BufferConfig& config, const ServerOptions& options,
                const std::optional<std::vector<std::byte>>& metadata);
  ServerSegment(const ServerSegment&) = delete;
  ServerSegment& operator=(const ServerSegment&) = delete;
  /// Removes.
  ~ServerSegment() { remove(); }

  [[nodiscard]] const ring::Segment& segment() const noexcept { return segment_; }
  [[nodiscard]] std::uint64_t pid() const noexcept { return pid_; }
  [[nodiscard]] platform::NamedSemaphore& request_ready() noexcept { return semaphores_.request_ready; }
  [[nodiscard]] platform::NamedSemaphore& response_ready() noexcept { return semaphores_.response_ready; }
  [[nodiscard]] platform::NamedSemaphore& response_consumed() noexcept { return semaphores_.response_consumed; }
  [[nodiscard]] platform::NamedSemaphore& space_available() noexcept { return semaphores_.space_available; }

  [[nodiscard]] const MemoryReport& report() const noexcept { return report_; }
  [[nodiscard]] bool is_view() const noexcept { return !memory_; }
  /// Whether the client has closed, by one load.
  [[nodiscard]] bool client_has_left() const noexcept;
  /// Whether a client was attached and has closed or died. Throws SystemError.
  [[nodiscard]] bool client_is_gone();
  [[nodiscard]] bool client_is_attached();
  /// Puts fresh semaphores in place of the old ones, which nobody of this process may be using. Throws as the constructor.
  void replace_semaphores();
  /// Removes every name that is still ours, tells the client, releases the lock byte. Once.
  void remove() noexcept;

 private:
  struct Semaphores {
    platform::NamedSemaphore request_ready;
    platform::NamedSemaphore response_ready;
    platform::NamedSemaphore response_consumed;
    platform::NamedSemaphore space_available;
  };
  void create_object(const wire::SegmentV2& layout, const ServerOptions& options);
  void adopt_view(const SharedMemoryView& view, const wire::SegmentV2& layout);
  [[nodiscard]] Semaphores fresh_semaphores() const;
  static void unlink_all(Semaphores& all) noexcept;

  std::string name_;
  mode_t mode_;
  std::uint64_t pid_;
  std::unique_ptr<SharedMemory> memory_;  // none on a view
  ring::Segment segment_;
  Semaphores semaphores_;
  MemoryReport report_;
  bool removed_ = false;
};

}  // namespace zeroduplex::detail
