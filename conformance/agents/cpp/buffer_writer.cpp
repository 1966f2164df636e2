#include "buffer_writer.hpp"

#include <zeroduplex/zeroduplex.hpp>

namespace zeroduplex::conformance {

void BufferWriter::addTo(Operations &operations) {
    add<ConnectWriterArgs>(operations, "connect_writer", [this](const ConnectWriterArgs &a) { return connect(a); });
    add<WriteFrameArgs>(operations, "write_frame", [this](const WriteFrameArgs &a) { return write(a); });
    add<AcquireFrameArgs>(operations, "acquire_frame", [this](const AcquireFrameArgs &a) { return acquire(a); });
    add<CommitFrameArgs>(operations, "commit_frame", [this](const CommitFrameArgs &a) {
        SentReport sent;
        sent.sequence = frames_.find(a.buffer)->commit();
        return sent;
    });
    add<StreamArgs>(operations, "stream", [this](const StreamArgs &a) { return stream(a); });
    add<ReaderConnectedArgs>(operations, "reader_connected", [this](const ReaderConnectedArgs &) {
        ConnectionReport state;
        state.connected = writer_.get()->isReaderConnected();
        return state;
    });
}

void BufferWriter::reset() {
    frames_.clear();
    if (const auto writer = writer_.take()) {
        writer->close();
    }
}

EmptyReport BufferWriter::connect(const ConnectWriterArgs &a) {
    before_();
    reset();
    WriterOptions options;
    if (a.connect_timeout_ms) {
        options.connect_timeout = milliseconds(*a.connect_timeout_ms);
    }
    if (a.write_timeout_ms) {
        options.write_timeout = milliseconds(*a.write_timeout_ms);
    }
    if (a.wait) {
        options.wait = parseWaitStrategy(*a.wait);
    }
    options.allow_other_users = a.allow_other_users.value_or(false);
    writer_.set(std::make_shared<Writer>(a.name, options));
    return {};
}

SentReport BufferWriter::write(const WriteFrameArgs &a) {
    const auto writer = writer_.get();
    const auto data = pattern(a.size, a.seed);
    SentReport sent;
    sent.sequence = a.timeout_ms ? writer->writeFrame(data, milliseconds(*a.timeout_ms)) : writer->writeFrame(data);
    return sent;
}

BufferReport BufferWriter::acquire(const AcquireFrameArgs &a) {
    const auto writer = writer_.get();
    auto frame = a.timeout_ms ? writer->acquireFrameBuffer(a.size, milliseconds(*a.timeout_ms)) : writer->acquireFrameBuffer(a.size);
    BufferReport acquired;
    acquired.size = frame.size();
    frames_.keep(a.buffer, std::move(frame));
    return acquired;
}

ExchangeReport BufferWriter::stream(const StreamArgs &a) {
    const auto writer = writer_.get();
    ExchangeReport done;
    while (done.count < a.count) {
        const std::uint64_t k = done.count;
        const auto data = pattern(a.least + (a.first_size + k * a.size_step) % a.size_modulo, a.seed + k);
        if (a.acquire.value_or(false)) {
            auto frame = writer->acquireFrameBuffer(data.size());
            std::copy(data.begin(), data.end(), frame.data().begin());
            done.last_sequence = frame.commit();
        } else {
            done.last_sequence = writer->writeFrame(data);
        }
        done.crc32 = crc32(data, static_cast<std::uint32_t>(done.crc32));
        done.bytes += data.size();
        if (++done.count == 1) {
            done.first_sequence = done.last_sequence;
        }
    }
    return done;
}

} // namespace zeroduplex::conformance
