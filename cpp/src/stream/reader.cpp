#include <utility>

#include <zeroduplex/error.hpp>
#include <zeroduplex/reader.hpp>

#include "stream/reader_core.hpp"

namespace zeroduplex {

using std::chrono::milliseconds;

Reader::Reader(std::string name, const BufferConfig& config, const ReaderOptions& options) : read_timeout_(options.read_timeout) {
  detail::check_timeout(read_timeout_);
  core_ = stream::ReaderCore::create(
      std::move(name), config,
      {.mode = options.mode, .wait = options.wait, .spin_window = options.spin_window, .wish = platform::page_wish(options)});
}

Reader::~Reader() { close(); }

ReceivedFrame Reader::readFrame() { return readFrame(read_timeout_); }

ReceivedFrame Reader::readFrame(int timeout_ms) { return readFrame(Duration(milliseconds(timeout_ms))); }

ReceivedFrame Reader::readFrame(Duration timeout) {
  const auto frame = core_->read(timeout);
  if (!frame) throw TimeoutError("no frame came from the writer of '" + name() + "'");
  return {core_, {frame->data, frame->size}, frame->sequence, frame->slot};
}

std::optional<std::vector<std::byte>> Reader::metadata() const { return core_->metadata(); }

bool Reader::isWriterConnected() const { return core_->is_writer_connected(); }

MemoryReport Reader::memoryReport() const { return core_->memory_report(); }

const std::string& Reader::name() const noexcept { return core_->name(); }

void Reader::close() noexcept { core_->close(); }

void ReceivedFrame::throw_released() { throw FrameReleasedError("the frame was released or moved from"); }

void ReceivedFrame::give_back() noexcept {
  core_->release(slot_);
  core_.reset();
}

}  // namespace zeroduplex
