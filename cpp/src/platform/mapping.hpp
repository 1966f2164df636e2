#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace zeroduplex::platform {

/// Owns a shared, writable mapping of a file.
class Mapping {
 public:
  Mapping() noexcept = default;
  /// Throws as throw_system_error does; `what` names the file.
  Mapping(int fd, std::size_t size, const char* what);
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace zeroduplex::platform
