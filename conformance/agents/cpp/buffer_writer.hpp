// The client's operations on v1 buffers.

#pragma once

#include <functional>

#include <zeroduplex/writer.hpp>

#include "agent.hpp"
#include "kept.hpp"

namespace zeroduplex::conformance {

class BufferWriter {
  public:
    // `before` ends what the role owns otherwise: a channel or a buffer, never both.
    explicit BufferWriter(std::function<void()> before) : before_(std::move(before)) {}

    void addTo(Operations &operations);
    void reset();

    // The operations that mean the buffer if there is one.
    [[nodiscard]] bool exists() { return writer_.exists(); }
    void setMetadata(const SetMetadataArgs &a) { writer_.get()->setMetadata(pattern(a.size, a.seed)); }
    void fill(const FillArgs &a) { conformance::fill(frames_.find(a.buffer)->data(), a.seed); }
    void abort(const AbortArgs &a) { frames_.find(a.buffer)->abort(); }
    void close() { writer_.get()->close(); }

  private:
    EmptyReport connect(const ConnectWriterArgs &a);
    SentReport write(const WriteFrameArgs &a);
    BufferReport acquire(const AcquireFrameArgs &a);
    ExchangeReport stream(const StreamArgs &a);

    const std::function<void()> before_;
    Owned<Writer> writer_{"there is no writer"};
    Kept<FrameBuffer> frames_;
};

} // namespace zeroduplex::conformance
