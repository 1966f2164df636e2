#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace zeroduplex {

enum class ErrorCode : std::int32_t;

/// Base of every exception this library throws. The classes derived from it, one per error of the protocol's catalogue, are in
/// generated/errors.hpp. what() says what was wrong and what to do about it.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string detail);

  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  /// What was wrong in this very case.
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  /// Sequence number of the request that failed; 0 when the error is not about one request.
  [[nodiscard]] std::uint64_t sequence() const noexcept { return sequence_; }
  /// Status of a failed answer: above 0 the handler's own code, below 0 the library's, 0 when there is no answer.
  [[nodiscard]] std::int32_t status() const noexcept { return status_; }
  /// The message that came with a failed answer.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

  /// Attaches the failed answer that this error reports.
  void setAnswer(std::uint64_t sequence, std::int32_t status, std::string message);

 private:
  ErrorCode code_;
  std::string detail_;
  std::uint64_t sequence_ = 0;
  std::int32_t status_ = 0;
  std::string message_;
};

}  // namespace zeroduplex

#include <zeroduplex/generated/errors.hpp>  // IWYU pragma: export
