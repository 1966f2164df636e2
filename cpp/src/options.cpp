#include <string>

#include <zeroduplex/options.hpp>

namespace zeroduplex {

WaitStrategy parseWaitStrategy(std::string_view text) {
  if (text == "hybrid") return WaitStrategy::hybrid;
  if (text == "spin") return WaitStrategy::spin;
  if (text == "block") return WaitStrategy::block;
  throw InvalidArgumentError("wait strategy \"" + std::string(text) + "\" is not one of hybrid, spin, block");
}

}  // namespace zeroduplex
