#include "dual_buffer/answering.hpp"

#include <algorithm>
#include <cstring>
#include <exception>

#include "server/handling.hpp"

namespace zeroduplex::detail {

namespace {

constexpr auto handler_failed = static_cast<std::int32_t>(wire::FrameStatus::handler_failed);
constexpr auto response_too_large = static_cast<std::int32_t>(wire::FrameStatus::response_too_large);

template <typename Failure>
Failure failure(std::uint64_t sequence, std::int32_t status, const std::string& message) {
  Failure error("request " + std::to_string(sequence) + " failed with status " + std::to_string(status) + ": " + message);
  error.setAnswer(sequence, status, message);
  return error;
}

}  // namespace

void Answering::answer(ReadRequest& request, ResponseBuffer& responses) noexcept {
  const std::uint64_t sequence = request.sequence();
  try {
    run(request, responses);
  } catch (const ClientDeadError&) {
    // Nobody is left for a response.
  } catch (const ClosedError&) {
    // The server was stopped; stop() told that a handler still ran.
  } catch (const HandlerFailedError& e) {
    fail(e, e.message(), responses);
  } catch (const ResponseTooLargeError& e) {
    fail(failure<ResponseTooLargeError>(sequence, response_too_large, e.detail()), e.detail(), responses);
  } catch (const std::exception& e) {
    fail(failure<HandlerFailedError>(sequence, handler_failed, e.what()), e.what(), responses);
  }
}

void Answering::fail(const Error& error, const std::string& message, ResponseBuffer& responses) noexcept {
  report_(error);
  responses.abort();
  try {
    // v1 has no empty response, and no other sign that this one is none.
    responses.send_message(message.empty() ? std::string(error_meaning(error.code())) : message);
  } catch (const ClientDeadError&) {
  } catch (const ClosedError&) {
  } catch (const Error& e) {
    report_(e);
  }
}

void InPlaceHandling::run(ReadRequest& request, ResponseBuffer& responses) {
  const std::span<const std::byte> data = request.data();
  ring::RequestFrame frame;
  frame.capacity = responses.capacity();
  frame.size = data.size();
  frame.sequence = request.sequence();
  // Not in the response buffer: a frame there stands at any address, and how much could be added behind it depends on where.
  frame.data = scratch_.of_size(std::max(frame.capacity, frame.size));
  std::memcpy(frame.data, data.data(), data.size());
  request.release();
  const Outcome outcome = handle(handler_, access_, frame);
  if (outcome.state == wire::FrameState::failed) {
    if (outcome.status == response_too_large) throw ResponseTooLargeError(access_.error());
    throw failure<HandlerFailedError>(frame.sequence, outcome.status, access_.error());
  }
  if (outcome.size == 0) {
    throw failure<HandlerFailedError>(frame.sequence, handler_failed, "the response is empty, which ZeroBuffer v1 cannot send");
  }
  std::memcpy(responses.acquire(outcome.size), frame.data, outcome.size);
  responses.commit();
}

void ImmutableHandling::run(ReadRequest& request, ResponseBuffer& responses) {
  ImmutableRequest view(request.data(), request.sequence());
  ImmutableResponse writer(responses);
  std::string failed;
  try {
    handler_(view, writer);
  } catch (const ResponseTooLargeError&) {
    close(view, writer);
    throw;
  } catch (const std::exception& e) {
    failed = e.what();
    if (failed.empty()) failed = error_meaning(ErrorCode::handler_failed);
  } catch (...) {
    failed = handler_threw_no_exception;
  }
  close(view, writer);
  if (writer.lost_) throw ClientDeadError("the client went while the handler waited for room");
  if (failed.empty() && !writer.acquired_) failed = "no response";
  if (!failed.empty()) throw failure<HandlerFailedError>(request.sequence(), handler_failed, failed);
  responses.commit();
}

void ImmutableHandling::close(ImmutableRequest& view, ImmutableResponse& writer) noexcept {
  view.open_ = false;
  writer.buffer_ = nullptr;
}

}  // namespace zeroduplex::detail
