#include "server/handling.hpp"

#include <cstring>
#include <exception>
#include <string_view>

#include <zeroduplex/error.hpp>

#include "common/utf8.hpp"

namespace zeroduplex::detail {

namespace {

Outcome failed(FrameAccess& access, const ring::RequestFrame& request, std::int32_t status, std::string_view message) {
  const std::string_view text = cut_utf8(message, request.capacity);
  if (!text.empty()) std::memcpy(request.data, text.data(), text.size());
  access.set_error(message);
  return {wire::FrameState::failed, status, text.size()};
}

}  // namespace

Outcome handle(const std::function<void(Frame&)>& handler, FrameAccess& access, const ring::RequestFrame& request) {
  constexpr auto handler_failed = static_cast<std::int32_t>(wire::FrameStatus::handler_failed);
  constexpr auto too_large = static_cast<std::int32_t>(wire::FrameStatus::response_too_large);
  access.open(request);
  try {
    handler(access.frame());
    access.close();
    if (access.failure() != 0) [[unlikely]] {
      return failed(access, request, access.failure(), access.message());
    }
    return {wire::FrameState::response, static_cast<std::int32_t>(wire::FrameStatus::ok), access.size()};
  } catch (const ResponseTooLargeError& e) {
    access.close();
    return failed(access, request, too_large, e.detail());
  } catch (const std::exception& e) {
    access.close();
    return failed(access, request, handler_failed, e.what());
  } catch (...) {
    access.close();
    return failed(access, request, handler_failed, handler_threw_no_exception);
  }
}

}  // namespace zeroduplex::detail
