#include <utility>

#include <zeroduplex/error.hpp>
#include <zeroduplex/writer.hpp>

#include "stream/writer_core.hpp"

namespace zeroduplex {

using std::chrono::milliseconds;

Writer::Writer(std::string name, const WriterOptions& options) : write_timeout_(options.write_timeout) {
  detail::check_timeout(write_timeout_);
  core_ = stream::WriterCore::attach(std::move(name), {.attach = {.connect_timeout = options.connect_timeout,
                                                                  .allow_other_users = options.allow_other_users,
                                                                  .memory = options.memory,
                                                                  .wish = platform::page_wish(options)},
                                                       .wait = options.wait,
                                                       .spin_window = options.spin_window});
}

Writer::~Writer() { close(); }

std::uint64_t Writer::writeFrame(std::span<const std::byte> data) { return writeFrame(data, write_timeout_); }

std::uint64_t Writer::writeFrame(std::span<const std::byte> data, int timeout_ms) {
  return writeFrame(data, Duration(milliseconds(timeout_ms)));
}

std::uint64_t Writer::writeFrame(std::span<const std::byte> data, Duration timeout) { return core_->write(data, timeout); }

std::uint64_t Writer::writeFrame(const void* data, std::size_t size) {
  return writeFrame({static_cast<const std::byte*>(data), size}, write_timeout_);
}

FrameBuffer Writer::acquireFrameBuffer(std::size_t size) { return acquireFrameBuffer(size, write_timeout_); }

FrameBuffer Writer::acquireFrameBuffer(std::size_t size, int timeout_ms) {
  return acquireFrameBuffer(size, Duration(milliseconds(timeout_ms)));
}

FrameBuffer Writer::acquireFrameBuffer(std::size_t size, Duration timeout) {
  return {core_, {core_->acquire(size, timeout), size}};
}

void Writer::setMetadata(std::span<const std::byte> content) { core_->set_metadata(content); }

bool Writer::isReaderConnected() const { return core_->is_reader_connected(); }

MemoryReport Writer::memoryReport() const { return core_->memory_report(); }

const std::string& Writer::name() const noexcept { return core_->name(); }

void Writer::close() noexcept { core_->close(); }

void FrameBuffer::throw_released() { throw FrameReleasedError("the frame buffer was committed, aborted or moved from"); }

std::uint64_t FrameBuffer::commit() {
  check();
  return std::exchange(core_, nullptr)->commit();
}

void FrameBuffer::give_back() noexcept { std::exchange(core_, nullptr)->abort(); }

}  // namespace zeroduplex
