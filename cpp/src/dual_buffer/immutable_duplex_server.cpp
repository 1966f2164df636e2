#include <cstring>
#include <utility>

#include <zeroduplex/immutable_duplex_server.hpp>

#include "dual_buffer/dual_buffer_server.hpp"

namespace zeroduplex {

ImmutableDuplexServer::ImmutableDuplexServer(std::string name, const BufferConfig& config, const ServerOptions& options)
    : server_(std::make_shared<detail::DualBufferServer>(std::move(name), config, options)) {}

ImmutableDuplexServer::~ImmutableDuplexServer() { server_->end(); }

void ImmutableDuplexServer::start(Handler handler) { server_->start<detail::InPlaceHandling>(std::move(handler)); }

void ImmutableDuplexServer::startImmutable(ImmutableHandler handler) {
  server_->start<detail::ImmutableHandling>(std::move(handler));
}

void ImmutableDuplexServer::stop(Duration timeout) { server_->stop(timeout); }

void ImmutableDuplexServer::requestStop() noexcept { server_->request_stop(); }

void ImmutableDuplexServer::setMetadata(std::span<const std::byte> data) { server_->set_metadata(data); }

std::vector<std::byte> ImmutableDuplexServer::clientMetadata() { return server_->client_metadata(); }

bool ImmutableDuplexServer::isClientConnected() { return server_->is_client_connected(); }

MemoryReport ImmutableDuplexServer::memoryReport() { return server_->memory_report(); }

const std::string& ImmutableDuplexServer::name() const noexcept { return server_->name(); }

IDuplexServer::Duration ImmutableDuplexServer::stopTimeout() const noexcept { return server_->stop_timeout(); }

void ImmutableRequest::throw_released() { throw FrameReleasedError("the request was used after its handler returned"); }

void ImmutableResponse::throw_released() { throw FrameReleasedError("the response was used after its handler returned"); }

void ImmutableResponse::write(std::span<const std::byte> data) {
  const std::span<std::byte> to = acquire(data.size());
  std::memcpy(to.data(), data.data(), data.size());
}

void ImmutableResponse::write(const void* data, std::size_t size) { write({static_cast<const std::byte*>(data), size}); }

std::span<std::byte> ImmutableResponse::acquire(std::size_t size) {
  check();
  if (acquired_) throw InvalidArgumentError("a request has one response, which is written once");
  try {
    std::byte* const data = buffer_->acquire(size);
    acquired_ = true;
    return {data, size};
  } catch (const ClientDeadError&) {
    lost_ = true;
    throw;
  } catch (const ClosedError&) {
    lost_ = true;
    throw;
  }
}

std::size_t ImmutableResponse::capacity() const {
  check();
  return buffer_->capacity();
}

}  // namespace zeroduplex
