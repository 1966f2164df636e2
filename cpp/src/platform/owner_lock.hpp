#pragma once

#include <string>
#include <vector>

#include "platform/fork.hpp"

namespace zeroduplex::platform {

/// The two flock'ed files by which ZeroBuffer v1 processes know that a name is owned. They only keep v1 away, the lock byte of the
/// object is the truth: where the files cannot be made, as with a read-only /tmp, no v1 process can lock either, and nothing is
/// lost.
class OwnerLock {
 public:
  /// Takes both. Throws NameInUseError when another process holds one.
  explicit OwnerLock(const std::string& name);
  OwnerLock(const OwnerLock&) = delete;
  OwnerLock& operator=(const OwnerLock&) = delete;
  ~OwnerLock() { release(); }

  /// Unlinks the files while their locks are held, then releases.
  void release() noexcept;

 private:
  struct File {
    std::string path;
    LockDescriptor descriptor;
  };
  void acquire(const std::string& path, const std::string& name);

  std::vector<File> files_;
};

}  // namespace zeroduplex::platform
