#pragma once

#include <string>

namespace zeroduplex::detail {

/// What is built under a temporary name. A crashed server may leave any of these behind; creating the same kind again removes it.
namespace temporary_kinds {
inline constexpr const char* request_ready = "request-ready";
inline constexpr const char* response_ready = "response-ready";
inline constexpr const char* response_consumed = "response-consumed";
inline constexpr const char* space_available = "space-available";
}  // namespace temporary_kinds

/// Removes what a server that is gone left under the name. Throws NameInUseError when the owner lives, or when it is nothing of
/// ours.
void clear_name(const std::string& name, bool allow_other_users);

}  // namespace zeroduplex::detail
