#pragma once

#include <cstdint>
#include <string>

namespace zeroduplex::detail {

/// What is built under a temporary name. A crashed owner may leave any of these behind; creating the same kind again removes it.
namespace temporary_kinds {
inline constexpr const char* request_ready = "request-ready";
inline constexpr const char* response_ready = "response-ready";
inline constexpr const char* response_consumed = "response-consumed";
inline constexpr const char* space_available = "space-available";
inline constexpr const char* data_written = "data-written";
inline constexpr const char* data_read = "data-read";
}  // namespace temporary_kinds

/// Who wants a name.
enum class Claimant : std::uint8_t { v2_server, v1_reader };

/// Removes what an owner that is gone left under the name. Throws NameInUseError when the owner lives, or when it is nothing of
/// ours; ReaderAlreadyConnectedError when a reader wants the name of a living one.
void clear_name(const std::string& name, bool allow_other_users, Claimant claimant);

/// For a reader that found the owner locks held: throws NameInUseError when a living v2 server has the name, else
/// ReaderAlreadyConnectedError.
[[noreturn]] void refuse_owned_name(const std::string& name);

}  // namespace zeroduplex::detail
