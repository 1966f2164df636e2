#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <zeroduplex/memory_report.hpp>

#include "platform/birth.hpp"
#include "platform/descriptor.hpp"
#include "platform/fork.hpp"
#include "platform/mapping.hpp"
#include "platform/pages.hpp"
#include "platform/temporary_name.hpp"

namespace zeroduplex::platform {

/// A shared-memory object: its file, its mapping and the locks on its bytes. Not thread-safe, except for the queries on locks.
class SharedObject {
 public:
  /// A new one without a name: every page reserved, zeroed, mapped for a wish; one for huge pages prefaults as well. Throws
  /// OutOfMemoryError, PermissionDeniedError, SystemError.
  static SharedObject create(const std::string& name, std::uint64_t size, mode_t mode, const PageWish& wish = {});
  /// The one that has the name, not mapped. Without a file when there is none. Throws NameInUseError when the name is not a regular
  /// file, PermissionDeniedError, SystemError.
  static SharedObject open(const std::string& name);

  SharedObject() noexcept = default;
  explicit operator bool() const noexcept { return static_cast<bool>(file_); }

  /// Gives a new object its name. False: the name exists.
  [[nodiscard]] bool link();
  void map(const PageWish& wish = {});
  /// Fulfils the wish of map(). Throws OutOfMemoryError, SystemError.
  void prepare_pages();
  /// What became of it.
  [[nodiscard]] const MemoryReport& pages() const noexcept { return pages_; }
  /// The wish for an object that is to be created in this one's place.
  void want(const PageWish& wish) noexcept { wish_ = wish; }
  [[nodiscard]] const PageWish& wish() const noexcept { return wish_; }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return mapping_.bytes(); }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] uid_t owner() const noexcept { return owner_; }
  /// Copies the first bytes without mapping them, for an object that may be too short. Returns how many there are.
  [[nodiscard]] std::size_t read_start(std::span<std::byte> to) const;

  /// False: somebody else holds the byte.
  [[nodiscard]] bool try_lock(std::uint64_t byte);
  void unlock(std::uint64_t byte) noexcept;
  /// Whether somebody else holds the byte. Thread-safe.
  [[nodiscard]] bool is_locked(std::uint64_t byte);
  /// Opens the description that locks are taken on, if that has not been done.
  void open_lock();

  [[nodiscard]] Birth born() const noexcept { return birth_of(file_.get()); }
  /// Whether any name leads to this object.
  [[nodiscard]] bool is_linked() const noexcept;
  /// Whether its own name does.
  [[nodiscard]] bool is_named() const noexcept;
  /// Unlinks its name if it is still its own.
  void remove() noexcept;

 private:
  SharedObject(std::string name, Descriptor file, TemporaryName temporary);
  void read_status();
  void reserve_pages();

  std::string name_;
  Descriptor file_;
  /// A second description of the same object, never mapped: a lock lives as long as a mapping of its description, and a forked
  /// child keeps mappings.
  LockDescriptor lock_;
  Mapping mapping_;
  TemporaryName temporary_;  // the name until link(), where an object cannot be without one
  std::uint64_t size_ = 0;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  uid_t owner_ = 0;
  PageWish wish_;
  MemoryReport pages_;
};

}  // namespace zeroduplex::platform
