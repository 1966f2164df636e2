#pragma once

#include <unistd.h>

#include <string>
#include <utility>

namespace zeroduplex::platform {

/// A path under which something is being built. Removed unless kept.
class TemporaryName {
 public:
  TemporaryName() noexcept = default;
  /// Removes what a crashed predecessor left under this path.
  explicit TemporaryName(std::string path) : path_(std::move(path)) { ::unlink(path_.c_str()); }
  TemporaryName(TemporaryName&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryName& operator=(TemporaryName&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;
  ~TemporaryName() { remove(); }

  void remove() noexcept {
    if (!path_.empty()) ::unlink(path_.c_str());
    path_.clear();
  }
  /// Says that the path leads to nothing that needs removing.
  void keep() noexcept { path_.clear(); }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] bool empty() const noexcept { return path_.empty(); }

 private:
  std::string path_;
};

}  // namespace zeroduplex::platform
