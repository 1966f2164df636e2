#include <utility>

#include <zeroduplex/dual_buffer_duplex_channel.hpp>

#include "common/wait.hpp"
#include "dual_buffer/dual_buffer_channel.hpp"

namespace zeroduplex {

DualBufferDuplexChannel::DualBufferDuplexChannel(std::string name, const ClientOptions& options)
    : channel_(new detail::DualBufferChannel(std::move(name), options)),
      call_timeout_(options.call_timeout),
      send_timeout_(options.send_timeout) {}

DualBufferDuplexChannel::~DualBufferDuplexChannel() { detail::DualBufferChannel::drop_client(channel_); }

std::uint64_t DualBufferDuplexChannel::send(const Request& request, Duration timeout) { return channel_->send(request, timeout); }

RequestBuffer DualBufferDuplexChannel::acquireRequestBuffer(std::size_t size, std::size_t /*means nothing*/, Duration timeout) {
  return channel_->acquire(size, timeout);
}

Response DualBufferDuplexChannel::receiveResponse(Duration timeout) { return channel_->receive(timeout); }

Response DualBufferDuplexChannel::receiveResponse(std::uint64_t sequence, Duration timeout) {
  return channel_->receive(sequence, timeout);
}

Response DualBufferDuplexChannel::call(const Request& request, Duration timeout) {
  return channel_->call(request, send_timeout_, timeout);
}

bool DualBufferDuplexChannel::cancel(std::uint64_t sequence) { return channel_->cancel(sequence); }

void DualBufferDuplexChannel::setMetadata(std::span<const std::byte> data) { channel_->set_metadata(data); }

std::vector<std::byte> DualBufferDuplexChannel::serverMetadata() { return channel_->server_metadata(); }

MemoryReport DualBufferDuplexChannel::memoryReport() const { return channel_->memory_report(); }

bool DualBufferDuplexChannel::isServerConnected() { return channel_->is_server_connected(); }

void DualBufferDuplexChannel::close() { channel_->close(); }

}  // namespace zeroduplex
