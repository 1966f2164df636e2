#include "dual_buffer/response_buffer.hpp"

#include <cstring>
#include <utility>

#include <zeroduplex/error.hpp>

#include "common/backoff.hpp"
#include "common/utf8.hpp"
#include "platform/clock.hpp"
#include "server/reporting.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;
using stream::WriterCore;

namespace {

/// How long a client's first request waits for its response buffer. Clients make it before they send anything, so what is not there
/// is a client's that is gone, and its successor may be waiting for us to find that out.
constexpr std::chrono::seconds patience{1};

}  // namespace

ResponseBuffer::ResponseBuffer(std::string name, const ServerOptions& options) : name_(std::move(name)), options_(options) {}

void ResponseBuffer::open(const std::function<bool()>& is_hopeless) {
  leave();
  const TimePoint deadline = Clock::now() + patience;
  Backoff backoff(longest_connect_nap);
  const stream::WriterSettings settings{.attach = {.connect_timeout = std::chrono::nanoseconds::zero(),
                                                   .allow_other_users = options_.allow_other_users,
                                                   .wish = platform::page_wish(options_)},
                                        .wait = options_.wait,
                                        .spin_window = options_.spin_window};
  for (;;) {
    try {
      return adopt(WriterCore::attach(name_, settings));
    } catch (const BufferNotFoundError& e) {
      if (is_hopeless()) return;
      if (!backoff.nap(deadline)) return tell(options_.on_error, e);
    } catch (const ReaderDeadError&) {
      return;  // a client that died before its requests were read
    } catch (const Error& e) {
      return tell(options_.on_error, e);
    }
  }
}

void ResponseBuffer::adopt(std::shared_ptr<WriterCore> writer) {
  std::optional<std::vector<std::byte>> metadata;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return writer->close();
    writer_ = writer;
    metadata = metadata_;
  }
  if (!metadata) return;
  try {
    writer->set_metadata(*metadata);
  } catch (const MetadataAlreadyWrittenError&) {
    // The client has attached anew and kept its buffer.
  } catch (const Error& e) {
    tell(options_.on_error, e);
  }
}

std::shared_ptr<WriterCore> ResponseBuffer::writer() const {
  const std::lock_guard lock(mutex_);
  return writer_;
}

void ResponseBuffer::leave() noexcept {
  std::shared_ptr<WriterCore> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(writer_);
  }
  if (left) left->close();
}

bool ResponseBuffer::keep_if_client_lives() {
  const auto current = writer();
  if (!current) return false;
  if (!current->is_reader_gone()) return true;
  leave();
  return false;
}

std::uint64_t ResponseBuffer::capacity() const {
  const auto current = writer();
  return current ? current->largest_frame() : 0;
}

void ResponseBuffer::translate_and_leave() {
  try {
    throw;
  } catch (const ReaderDeadError&) {
    leave();
    throw ClientDeadError("the client whose response buffer is '" + name_ + "' is gone");
  } catch (const ClosedError&) {
    throw;
  } catch (const Error& e) {
    leave();
    tell(options_.on_error, e);
    throw ClientDeadError("the response buffer '" + name_ + "' cannot be used any more: " + e.detail());
  }
}

std::byte* ResponseBuffer::acquire(std::size_t size) {
  auto current = writer();
  if (!current) throw ClientDeadError("the client whose response buffer was '" + name_ + "' is gone");
  try {
    // For as long as the client lives: it alone decides when it releases responses.
    std::byte* const data = current->acquire(size, std::chrono::nanoseconds::max());
    acquired_ = std::move(current);
    return data;
  } catch (const InvalidFrameSizeError&) {
    throw;
  } catch (const FrameTooLargeError& e) {
    throw ResponseTooLargeError(e.detail());
  } catch (const Error&) {
    translate_and_leave();
  }
}

void ResponseBuffer::commit() {
  const auto current = std::exchange(acquired_, nullptr);
  try {
    current->commit();
  } catch (const Error&) {
    translate_and_leave();
  }
}

void ResponseBuffer::abort() noexcept {
  if (const auto current = std::exchange(acquired_, nullptr)) current->abort();
}

void ResponseBuffer::send_message(std::string_view message) {
  const auto current = writer();
  if (!current) return;
  const std::string_view text = cut_utf8(message, current->largest_placeable(message.size()));
  // A cut at a character may end where no frame can. A few bytes always have a place.
  const std::size_t size = current->largest_placeable(text.size());
  std::memcpy(acquire(size), text.data(), size);
  commit();
}

void ResponseBuffer::set_metadata(std::span<const std::byte> content) {
  const std::lock_guard lock(mutex_);
  if (metadata_) throw MetadataAlreadyWrittenError("the metadata of this side was written before");
  if (writer_) {
    try {
      writer_->set_metadata(content);
    } catch (const ReaderDeadError&) {
      // The next client gets it.
    } catch (const MetadataAlreadyWrittenError&) {
      // This client was served by another server before.
    }
  }
  metadata_.emplace(content.begin(), content.end());
}

std::optional<MemoryReport> ResponseBuffer::memory_report() const {
  const auto current = writer();
  if (!current) return std::nullopt;
  return current->memory_report();
}

void ResponseBuffer::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  leave();
}

}  // namespace zeroduplex::detail
