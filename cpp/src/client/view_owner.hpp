#pragma once

#include <cstdint>

#include <zeroduplex/request_buffer.hpp>

namespace zeroduplex::detail {

/// What stands behind a client's responses and request buffers, whatever its protocol. It lives until the last of them is given
/// back.
class ViewOwner {
 public:
  ViewOwner(const ViewOwner&) = delete;
  ViewOwner& operator=(const ViewOwner&) = delete;

  virtual std::uint64_t commit(RequestBuffer& buffer) = 0;
  virtual void abort() noexcept = 0;
  virtual void release(std::uint64_t sequence) noexcept = 0;

 protected:
  ViewOwner() = default;
  ~ViewOwner() = default;
};

}  // namespace zeroduplex::detail
