#include <utility>

#include <zeroduplex/error.hpp>

namespace zeroduplex {

namespace {

std::string describe(ErrorCode code, const std::string& detail) {
  std::string text(error_name(code));
  text.append(": ").append(detail.empty() ? std::string(error_meaning(code)) : detail);
  text.append(" (").append(error_remedy(code)).append(")");
  return text;
}

}  // namespace

Error::Error(ErrorCode code, std::string detail)
    : std::runtime_error(describe(code, detail)), code_(code), detail_(std::move(detail)) {}

void Error::setAnswer(std::uint64_t sequence, std::int32_t status, std::string message) {
  sequence_ = sequence;
  status_ = status;
  message_ = std::move(message);
}

}  // namespace zeroduplex
