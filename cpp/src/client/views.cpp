#include <zeroduplex/error.hpp>
#include <zeroduplex/request_buffer.hpp>
#include <zeroduplex/response.hpp>

#include "client/view_owner.hpp"

namespace zeroduplex {

void Response::throw_released() { throw FrameReleasedError("the response was released or moved from"); }

void Response::give_back() noexcept { std::exchange(owner_, nullptr)->release(sequence_); }

void RequestBuffer::throw_released() { throw FrameReleasedError("the request buffer was committed, aborted or moved from"); }

std::uint64_t RequestBuffer::commit() {
  check();
  return owner_->commit(*this);
}

void RequestBuffer::give_back() noexcept { std::exchange(owner_, nullptr)->abort(); }

}  // namespace zeroduplex
