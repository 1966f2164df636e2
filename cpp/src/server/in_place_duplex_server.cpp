#include <utility>

#include <zeroduplex/in_place_duplex_server.hpp>

#include "server/server.hpp"

namespace zeroduplex {

using std::chrono::milliseconds;

void IDuplexServer::stop() { stop(stopTimeout()); }

void IDuplexServer::stop(int timeout_ms) { stop(Duration(milliseconds(timeout_ms))); }

InPlaceDuplexServer::InPlaceDuplexServer(std::string name, const BufferConfig& config, const ServerOptions& options)
    : server_(std::make_unique<detail::Server>(std::move(name), config, options)) {}

InPlaceDuplexServer::~InPlaceDuplexServer() {
  // A forked child leaves everything as it is: it has none of the threads and owns neither name nor lock.
  if (server_->is_foreign()) static_cast<void>(server_.release());
}

void InPlaceDuplexServer::start(Handler handler) { server_->start(std::move(handler)); }

void InPlaceDuplexServer::stop(Duration timeout) { server_->stop(timeout); }

void InPlaceDuplexServer::requestStop() noexcept { server_->request_stop(); }

void InPlaceDuplexServer::setMetadata(std::span<const std::byte> data) { server_->set_metadata(data); }

std::vector<std::byte> InPlaceDuplexServer::clientMetadata() { return server_->client_metadata(); }

bool InPlaceDuplexServer::isClientConnected() { return server_->is_client_connected(); }

MemoryReport InPlaceDuplexServer::memoryReport() { return server_->memory_report(); }

const std::string& InPlaceDuplexServer::name() const noexcept { return server_->name(); }

IDuplexServer::Duration InPlaceDuplexServer::stopTimeout() const noexcept { return server_->stop_timeout(); }

}  // namespace zeroduplex
