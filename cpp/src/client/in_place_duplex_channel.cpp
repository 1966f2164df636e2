#include <utility>

#include <zeroduplex/in_place_duplex_channel.hpp>

#include "client/channel.hpp"

namespace zeroduplex {

InPlaceDuplexChannel::InPlaceDuplexChannel(std::string name, const ClientOptions& options)
    : channel_(new detail::Channel(std::move(name), options)),
      call_timeout_(options.call_timeout),
      send_timeout_(options.send_timeout) {}

InPlaceDuplexChannel::~InPlaceDuplexChannel() { detail::Channel::drop_client(channel_); }

std::uint64_t InPlaceDuplexChannel::send(const Request& request, Duration timeout) { return channel_->send(request, timeout); }

RequestBuffer InPlaceDuplexChannel::acquireRequestBuffer(std::size_t size, std::size_t capacity, Duration timeout) {
  return channel_->acquire(size, capacity, timeout);
}

Response InPlaceDuplexChannel::receiveResponse(Duration timeout) { return channel_->receive(timeout); }

Response InPlaceDuplexChannel::receiveResponse(std::uint64_t sequence, Duration timeout) {
  return channel_->receive(sequence, timeout);
}

Response InPlaceDuplexChannel::call(const Request& request, Duration timeout) {
  return channel_->call(request, send_timeout_, timeout);
}

bool InPlaceDuplexChannel::cancel(std::uint64_t sequence) { return channel_->cancel(sequence); }

void InPlaceDuplexChannel::setMetadata(std::span<const std::byte> data) { channel_->set_metadata(data); }

std::vector<std::byte> InPlaceDuplexChannel::serverMetadata() { return channel_->server_metadata(); }

MemoryReport InPlaceDuplexChannel::memoryReport() const { return channel_->memory_report(); }

bool InPlaceDuplexChannel::isServerConnected() { return channel_->is_server_connected(); }

void InPlaceDuplexChannel::close() { channel_->close(); }

}  // namespace zeroduplex
