#pragma once

#include <cstdint>
#include <functional>

#include <zeroduplex/frame.hpp>
#include <zeroduplex/generated/wire.hpp>

#include "ring/server_cursor.hpp"
#include "server/frame_access.hpp"

namespace zeroduplex::detail {

/// Message of a handler that threw something else than an exception of the standard library.
inline constexpr const char* handler_threw_no_exception = "the handler threw something that is no std::exception";

/// How a handler ended, with the answer's data already in the frame. Fits two registers.
struct Outcome {
  wire::FrameState state;
  std::int32_t status;
  std::uint64_t size;
};

/// Runs the handler on a taken request. Throws nothing. Why it failed is access.error(), for a request that nobody waits for.
[[nodiscard]] Outcome handle(const std::function<void(Frame&)>& handler, FrameAccess& access, const ring::RequestFrame& request);

}  // namespace zeroduplex::detail
