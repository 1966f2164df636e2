#include <zeroduplex/duplex_client.hpp>

namespace zeroduplex {

using std::chrono::milliseconds;

std::uint64_t IDuplexClient::send(const Request& request) { return send(request, sendTimeout()); }

std::uint64_t IDuplexClient::sendRequest(const void* data, std::size_t size) {
  return sendRequest({static_cast<const std::byte*>(data), size});
}

std::uint64_t IDuplexClient::sendRequest(std::span<const std::byte> data) { return send({.data = data}, sendTimeout()); }

RequestBuffer IDuplexClient::acquireRequestBuffer(std::size_t size, std::size_t capacity) {
  return acquireRequestBuffer(size, capacity, sendTimeout());
}

Response IDuplexClient::receiveResponse() { return receiveResponse(callTimeout()); }

Response IDuplexClient::receiveResponse(int timeout_ms) { return receiveResponse(Duration(milliseconds(timeout_ms))); }

Response IDuplexClient::receiveResponse(std::uint64_t sequence, int timeout_ms) {
  return receiveResponse(sequence, Duration(milliseconds(timeout_ms)));
}

Response IDuplexClient::call(const Request& request) { return call(request, callTimeout()); }

Response IDuplexClient::call(const Request& request, int timeout_ms) { return call(request, Duration(milliseconds(timeout_ms))); }

Response IDuplexClient::call(std::span<const std::byte> data) { return call(Request{.data = data}, callTimeout()); }

Response IDuplexClient::call(std::span<const std::byte> data, int timeout_ms) {
  return call(Request{.data = data}, Duration(milliseconds(timeout_ms)));
}

}  // namespace zeroduplex
