#include "dual_buffer/dual_buffer_channel.hpp"

#include <utility>

#include <zeroduplex/error.hpp>

#include "client/lost_requests.hpp"

namespace zeroduplex::detail {

DualBufferChannel::DualBufferChannel(std::string name, const ClientOptions& options) : name_(std::move(name)) { connect(options); }

void DualBufferChannel::check_usable() {
  if (gate_.is_closed() || failure_) throw_unusable();
}

void DualBufferChannel::throw_unusable() {
  if (gate_.is_closed()) throw ClosedError("the client of '" + name_ + "' was closed");
  if (*failure_ == ErrorCode::server_dead) throw ServerDeadError(failure_detail_ + lost_requests());
  throw CorruptedError(failure_detail_);
}

void DualBufferChannel::fail(ErrorCode code, std::string detail) noexcept {
  if (failure_) return;
  failure_ = code;
  failure_detail_ = std::move(detail);
  receivers_.wake_all();
}

void DualBufferChannel::translate() {
  try {
    throw;
  } catch (const ReaderDeadError&) {
    fail(ErrorCode::server_dead, "the server of '" + name_ + "' is gone");
  } catch (const WriterDeadError&) {
    fail(ErrorCode::server_dead, "the server of '" + name_ + "' is gone");
  } catch (const CorruptedError& e) {
    fail(ErrorCode::corrupted, e.detail());
  } catch (const ClosedError&) {
    // Only close() closes a buffer.
  }
  throw_unusable();
}

std::string DualBufferChannel::lost_requests() {
  LostRequests lost;
  for (const OutstandingRequest& request : outstanding_.all()) {
    if (!request.is_unwanted() && request.state == OutstandingRequest::State::unanswered) lost.add(request.sequence);
  }
  return lost.text();
}

void DualBufferChannel::end_view(Lock lock) noexcept {
  --views_;
  const bool last = views_ == 0 && !has_client_;
  lock.unlock();
  if (last) delete this;
}

void DualBufferChannel::close() noexcept {
  if (gate_.is_foreign()) return;  // nothing of it is ours
  {
    const Lock lock = gate_.enter_own();
    gate_.shut();
    receivers_.wake_all();
  }
  // The server sees its client go by the first of these. Calls that wait in a buffer come back by themselves.
  requests_->close();
  responses_->shut();
  {
    Lock lock = gate_.enter_own();
    gate_.wait_until_all_are_back(lock);
  }
  responses_->close();
}

void DualBufferChannel::drop_client(DualBufferChannel* channel) noexcept {
  // A forked child leaves everything as it is: it cannot know what the threads it lost were doing, and owns nothing of it.
  if (channel->gate_.is_foreign()) return;
  channel->close();
  Lock lock = channel->gate_.enter_own();
  channel->has_client_ = false;
  const bool last = channel->views_ == 0;
  lock.unlock();
  if (last) delete channel;
}

bool DualBufferChannel::cancel(std::uint64_t sequence) {
  const Lock lock = gate_.enter(name_);
  check_usable();
  const OutstandingRequest* const request = outstanding_.find(sequence);
  if (request == nullptr || !request->is_open()) {
    throw UnknownSequenceError("no request is outstanding under number " + std::to_string(sequence));
  }
  return false;  // v1 cannot take a request back
}

void DualBufferChannel::set_metadata(std::span<const std::byte> content) {
  const Lock lock = gate_.enter(name_);
  check_usable();
  try {
    requests_->set_metadata(content);
  } catch (const ReaderDeadError&) {
    translate();
  }
}

std::vector<std::byte> DualBufferChannel::server_metadata() {
  const Lock lock = gate_.enter(name_);
  check_usable();
  return responses_->metadata().value_or(std::vector<std::byte>());
}

bool DualBufferChannel::is_server_connected() {
  const Lock lock = gate_.enter(name_);
  if (gate_.is_closed() || failure_) return false;
  if (requests_->is_reader_living()) return true;
  fail(ErrorCode::server_dead, "the server of '" + name_ + "' is gone");
  return false;
}

}  // namespace zeroduplex::detail
