#include <zeroduplex/error.hpp>
#include <zeroduplex/frame.hpp>

namespace zeroduplex {

void Frame::throw_released() { throw FrameReleasedError("the frame was used after its handler returned"); }

void Frame::resize(std::size_t size) {
  check();
  if (size > capacity_) {
    throw ResponseTooLargeError("a response of " + std::to_string(size) + " bytes does not fit a capacity of " +
                                std::to_string(capacity_));
  }
  size_ = size;
}

void Frame::fail(std::int32_t code, std::string_view message) {
  check();
  if (code <= 0) throw InvalidArgumentError("failure code " + std::to_string(code) + " is not above 0");
  failure_ = code;
  message_ = message;
}

}  // namespace zeroduplex
