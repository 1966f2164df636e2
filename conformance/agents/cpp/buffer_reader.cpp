#include "buffer_reader.hpp"

#include <vector>

#include <zeroduplex/zeroduplex.hpp>

namespace zeroduplex::conformance {
namespace {

FrameReport seen(const ReceivedFrame &frame) { return report(frame.data(), frame.sequence(), 0); }

ReceivedFrame next(Reader &reader, const std::optional<std::uint64_t> &timeout_ms) {
    return timeout_ms ? reader.readFrame(milliseconds(*timeout_ms)) : reader.readFrame();
}

} // namespace

void BufferReader::addTo(Operations &operations) {
    add<CreateReaderArgs>(operations, "create_reader", [this](const CreateReaderArgs &a) { return create(a); });
    add<ReadFrameArgs>(operations, "read_frame", [this](const ReadFrameArgs &a) { return read(a); });
    add<RereadFrameArgs>(operations, "reread_frame", [this](const RereadFrameArgs &a) { return seen(*held_.find(a.hold)); });
    add<ReleaseFrameArgs>(operations, "release_frame", [this](const ReleaseFrameArgs &a) {
        held_.find(a.hold)->release();
        return EmptyReport();
    });
    add<DrainArgs>(operations, "drain", [this](const DrainArgs &a) { return drain(a); });
    add<WriterConnectedArgs>(operations, "writer_connected", [this](const WriterConnectedArgs &) {
        ConnectionReport state;
        state.connected = reader_.get()->isWriterConnected();
        return state;
    });
}

void BufferReader::reset() {
    held_.clear();
    if (const auto reader = reader_.take()) {
        reader->close();
    }
}

ContentReport BufferReader::metadata() {
    const auto found = reader_.get()->metadata();
    ContentReport seen = content(found.value_or(std::vector<std::byte>()));
    seen.written = found.has_value();
    return seen;
}

EmptyReport BufferReader::create(const CreateReaderArgs &a) {
    before_();
    reset();
    const auto standard = BufferConfig::defaultV1();
    const BufferConfig config(a.metadata_size.value_or(standard.metadataSize()), a.payload_size.value_or(standard.payloadSize()));
    ReaderOptions options;
    if (a.wait) {
        options.wait = parseWaitStrategy(*a.wait);
    }
    if (a.mode) {
        options.mode = static_cast<mode_t>(*a.mode);
    }
    reader_.set(std::make_shared<Reader>(a.name, config, options));
    return {};
}

FrameReport BufferReader::read(const ReadFrameArgs &a) {
    ReceivedFrame frame = next(*reader_.get(), a.timeout_ms);
    FrameReport report = seen(frame);
    if (a.hold) {
        held_.keep(*a.hold, std::move(frame));
    }
    return report;
}

ExchangeReport BufferReader::drain(const DrainArgs &a) {
    const auto reader = reader_.get();
    ExchangeReport done;
    std::vector<ReceivedFrame> held;
    while (done.count < a.count) {
        held.push_back(next(*reader, a.timeout_ms));
        const ReceivedFrame &frame = held.back();
        done.crc32 = crc32(frame.data(), static_cast<std::uint32_t>(done.crc32));
        done.bytes += frame.size();
        done.last_sequence = frame.sequence();
        if (++done.count == 1) {
            done.first_sequence = frame.sequence();
        }
        if (held.size() < a.hold.value_or(1)) {
            continue;
        }
        while (!held.empty()) {
            held.pop_back(); // the newest first
        }
    }
    return done;
}

} // namespace zeroduplex::conformance
