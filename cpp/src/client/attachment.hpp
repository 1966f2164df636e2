#pragma once

#include <memory>
#include <string>

#include <zeroduplex/memory_provider.hpp>
#include <zeroduplex/memory_report.hpp>
#include <zeroduplex/options.hpp>

#include "platform/semaphore.hpp"
#include "ring/segment.hpp"

namespace zeroduplex::detail {

/// What a client holds while it is attached: the mapped segment, the lock byte and the four semaphores.
class Attachment {
 public:
  /// Throws as InPlaceDuplexChannel does.
  Attachment(const std::string& name, const ClientOptions& options);
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment() { detach(); }

  [[nodiscard]] const ring::Segment& segment() const noexcept { return segment_; }
  [[nodiscard]] platform::NamedSemaphore& request_ready() noexcept { return request_ready_; }
  [[nodiscard]] platform::NamedSemaphore& response_ready() noexcept { return response_ready_; }
  [[nodiscard]] platform::NamedSemaphore& response_consumed() noexcept { return response_consumed_; }
  [[nodiscard]] platform::NamedSemaphore& space_available() noexcept { return space_available_; }

  [[nodiscard]] const MemoryReport& report() const noexcept { return report_; }

  enum class Server : std::uint8_t { alive, gone, found_corruption };
  /// Asks the kernel. Throws SystemError.
  [[nodiscard]] Server server();

  /// Hands the segment back to the server. Nothing but the semaphores may be touched afterwards.
  void detach() noexcept;

 private:
  enum class Outcome : std::uint8_t { attached, no_server, being_created, other_client, resetting };

  [[nodiscard]] Outcome try_object(const std::string& name, const ClientOptions& options, platform::TimePoint deadline);
  [[nodiscard]] Outcome try_view(const std::string& name, const ClientOptions& options);
  [[nodiscard]] Outcome await_reset(const std::string& name, const ClientOptions& options, platform::TimePoint deadline);
  [[nodiscard]] bool open_semaphores(const std::string& name, const ClientOptions& options);
  void wake_server(const std::string& name, const ClientOptions& options);
  void release_byte() noexcept;

  std::unique_ptr<SharedMemory> memory_;  // none on a view
  ring::Segment segment_;
  platform::NamedSemaphore request_ready_;
  platform::NamedSemaphore response_ready_;
  platform::NamedSemaphore response_consumed_;
  platform::NamedSemaphore space_available_;
  MemoryReport report_;
  bool attached_ = false;
};

}  // namespace zeroduplex::detail
