// The server's operations on v1 buffers.

#pragma once

#include <functional>

#include <zeroduplex/reader.hpp>

#include "agent.hpp"
#include "kept.hpp"

namespace zeroduplex::conformance {

class BufferReader {
  public:
    // `before` ends what the role owns otherwise: a channel or a buffer, never both.
    explicit BufferReader(std::function<void()> before) : before_(std::move(before)) {}

    void addTo(Operations &operations);
    void reset();

    // The operations that mean the buffer if there is one.
    [[nodiscard]] bool exists() { return reader_.exists(); }
    [[nodiscard]] ContentReport metadata();
    void close() { reader_.get()->close(); }

  private:
    EmptyReport create(const CreateReaderArgs &a);
    FrameReport read(const ReadFrameArgs &a);
    ExchangeReport drain(const DrainArgs &a);

    const std::function<void()> before_;
    Owned<Reader> reader_{"there is no reader"};
    Kept<ReceivedFrame> held_;
};

} // namespace zeroduplex::conformance
