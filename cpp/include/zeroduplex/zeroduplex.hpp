#pragma once

/// Everything. A client writes a request into shared memory, the server changes it where it stands, the client reads the response
/// at the same place. Begin with DuplexChannelFactory. The older ZeroBuffer v1 is here too: Reader and Writer for a stream of
/// frames, and its duplex channels behind the same interfaces.

#include <zeroduplex/buffer_config.hpp>               // IWYU pragma: export
#include <zeroduplex/dual_buffer_duplex_channel.hpp>  // IWYU pragma: export
#include <zeroduplex/duplex_channel_factory.hpp>      // IWYU pragma: export
#include <zeroduplex/duplex_client.hpp>               // IWYU pragma: export
#include <zeroduplex/duplex_server.hpp>               // IWYU pragma: export
#include <zeroduplex/error.hpp>                       // IWYU pragma: export
#include <zeroduplex/frame.hpp>                       // IWYU pragma: export
#include <zeroduplex/frame_buffer.hpp>                // IWYU pragma: export
#include <zeroduplex/immutable_duplex_server.hpp>     // IWYU pragma: export
#include <zeroduplex/immutable_request.hpp>           // IWYU pragma: export
#include <zeroduplex/immutable_response.hpp>          // IWYU pragma: export
#include <zeroduplex/in_place_duplex_channel.hpp>     // IWYU pragma: export
#include <zeroduplex/in_place_duplex_server.hpp>      // IWYU pragma: export
#include <zeroduplex/memory_provider.hpp>             // IWYU pragma: export
#include <zeroduplex/memory_report.hpp>               // IWYU pragma: export
#include <zeroduplex/options.hpp>                     // IWYU pragma: export
#include <zeroduplex/reader.hpp>                      // IWYU pragma: export
#include <zeroduplex/received_frame.hpp>              // IWYU pragma: export
#include <zeroduplex/request_buffer.hpp>              // IWYU pragma: export
#include <zeroduplex/response.hpp>                    // IWYU pragma: export
#include <zeroduplex/writer.hpp>                      // IWYU pragma: export
