// A program outside of this repository: built against an installed library.

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

int main() {
  using namespace zeroduplex;
  const std::string name = "zdtest-consumer-" + std::to_string(::getpid());
  auto factory = DuplexChannelFactory::getInstance();
  auto server = factory.createInPlaceDuplexServer(name, BufferConfig(4096, 1 << 20));
  server->start([](Frame& frame) {
    std::uint8_t* data = frame.get_mutable_data();
    for (std::size_t i = 0; i < frame.size(); ++i) data[i] = static_cast<std::uint8_t>(255 - data[i]);
  });
  auto client = factory.createClient(name);
  const std::vector<std::uint8_t> image(1000, 7);
  const auto sequence = client->sendRequest(image.data(), image.size());
  const auto response = client->receiveResponse(5000);
  const bool right = response.sequence() == sequence && response.size() == image.size() && response.data()[999] == std::byte{248};
  std::cout << (right ? "the consumer works\n" : "the response is wrong\n");
  return right ? 0 : 1;
}
