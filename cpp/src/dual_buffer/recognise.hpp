#pragma once

#include <memory>
#include <string>

#include <zeroduplex/duplex_client.hpp>
#include <zeroduplex/options.hpp>

namespace zeroduplex::detail {

/// Makes the client of the protocol whose server lives under the name, v2 first, looking again until the connect timeout is over.
/// Throws as the clients do.
[[nodiscard]] std::unique_ptr<IDuplexClient> connect_to_any(const std::string& name, const ClientOptions& options);

}  // namespace zeroduplex::detail
