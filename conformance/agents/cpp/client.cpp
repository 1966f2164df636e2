#include <deque>
#include <memory>
#include <stdexcept>

#include <zeroduplex/zeroduplex.hpp>

#include "agent.hpp"
#include "buffer_writer.hpp"
#include "kept.hpp"

namespace zeroduplex::conformance {
namespace {

FrameReport seen(const Response &response) {
    FrameReport frame = report(response.data(), response.sequence(), response.opcode());
    frame.status = response.status();
    return frame;
}

class Client final : public Role {
  public:
    void addTo(Operations &operations) override {
        buffer_.addTo(operations);
        add<ConnectArgs>(operations, "connect", [this](const ConnectArgs &a) { return connect(a); });
        add<SendArgs>(operations, "send", [this](const SendArgs &a) { return send(a); });
        add<CallArgs>(operations, "call", [this](const CallArgs &a) { return call(a); });
        add<AcquireArgs>(operations, "acquire", [this](const AcquireArgs &a) { return acquire(a); });
        add<FillArgs>(operations, "fill", [this](const FillArgs &a) {
            if (buffer_.exists()) {
                buffer_.fill(a);
            } else {
                fill(buffers_.find(a.buffer)->data(), a.seed);
            }
            return EmptyReport();
        });
        add<CommitArgs>(operations, "commit", [this](const CommitArgs &a) { return commit(a); });
        add<AbortArgs>(operations, "abort", [this](const AbortArgs &a) {
            if (buffer_.exists()) {
                buffer_.abort(a);
            } else {
                buffers_.find(a.buffer)->abort();
            }
            return EmptyReport();
        });
        add<ReceiveArgs>(operations, "receive", [this](const ReceiveArgs &a) { return receive(a); });
        add<ReadArgs>(operations, "read", [this](const ReadArgs &a) { return seen(*held_.find(a.hold)); });
        add<ReleaseArgs>(operations, "release", [this](const ReleaseArgs &a) {
            held_.find(a.hold)->release();
            return EmptyReport();
        });
        add<CancelArgs>(operations, "cancel", [this](const CancelArgs &a) {
            CancelReport done;
            done.cancelled = channel_.get()->cancel(a.sequence);
            return done;
        });
        add<ConnectedArgs>(operations, "connected", [this](const ConnectedArgs &) {
            ConnectionReport state;
            state.connected = channel_.get()->isServerConnected();
            return state;
        });
        add<ExchangeArgs>(operations, "exchange", [this](const ExchangeArgs &a) { return exchange(a); });
        add<SetMetadataArgs>(operations, "set_metadata", [this](const SetMetadataArgs &a) {
            if (buffer_.exists()) {
                buffer_.setMetadata(a);
            } else {
                channel_.get()->setMetadata(pattern(a.size, a.seed));
            }
            return EmptyReport();
        });
        add<GetMetadataArgs>(operations, "get_metadata", [this](const GetMetadataArgs &) { return content(channel_.get()->serverMetadata()); });
        add<CloseArgs>(operations, "close", [this](const CloseArgs &) {
            if (buffer_.exists()) {
                buffer_.close();
            } else {
                channel_.get()->close();
            }
            return EmptyReport();
        });
    }

    void reset() override {
        buffer_.reset();
        drop();
    }

  private:
    void drop() {
        // Buffers and responses first: they end before their channel.
        buffers_.clear();
        held_.clear();
        try {
            if (const auto channel = channel_.take()) {
                channel->close();
            }
        } catch (const Error &) {
            // What is left over is the runner's to find.
        }
    }

    EmptyReport connect(const ConnectArgs &a) {
        reset();
        ClientOptions options;
        if (a.connect_timeout_ms) {
            options.connect_timeout = milliseconds(*a.connect_timeout_ms);
        }
        if (a.call_timeout_ms) {
            options.call_timeout = milliseconds(*a.call_timeout_ms);
        }
        if (a.send_timeout_ms) {
            options.send_timeout = milliseconds(*a.send_timeout_ms);
        }
        if (a.wait) {
            options.wait = parseWaitStrategy(*a.wait);
        }
        if (a.lap) {
            if (*a.lap != "eager" && *a.lap != "needed") {
                throw std::runtime_error("unknown lap " + *a.lap);
            }
            options.lap = *a.lap == "eager" ? Lap::eager : Lap::needed;
        }
        options.allow_other_users = a.allow_other_users.value_or(false);
        options.response_config = BufferConfig(a.response_metadata_size.value_or(options.response_config.metadataSize()),
                                               a.response_payload_size.value_or(options.response_config.payloadSize()));
        call_timeout_ = options.call_timeout;
        channel_.set(DuplexChannelFactory::getInstance().createClient(a.name, options));
        return {};
    }

    SentReport send(const SendArgs &a) {
        const auto data = pattern(a.size, a.seed);
        const Request request{data, static_cast<std::uint32_t>(a.opcode.value_or(0)), a.capacity.value_or(0), a.one_way.value_or(false)};
        SentReport sent;
        sent.sequence = a.timeout_ms ? channel_.get()->send(request, milliseconds(*a.timeout_ms)) : channel_.get()->send(request);
        return sent;
    }

    FrameReport call(const CallArgs &a) {
        const auto data = pattern(a.size, a.seed);
        const Request request{data, static_cast<std::uint32_t>(a.opcode.value_or(0)), a.capacity.value_or(0), false};
        const auto channel = channel_.get();
        return seen(a.timeout_ms ? channel->call(request, milliseconds(*a.timeout_ms)) : channel->call(request));
    }

    BufferReport acquire(const AcquireArgs &a) {
        const auto channel = channel_.get();
        const std::uint64_t capacity = a.capacity.value_or(0);
        auto buffer = a.timeout_ms ? channel->acquireRequestBuffer(a.size, capacity, milliseconds(*a.timeout_ms))
                                   : channel->acquireRequestBuffer(a.size, capacity);
        BufferReport acquired;
        acquired.size = buffer.size();
        buffers_.keep(a.buffer, std::move(buffer));
        return acquired;
    }

    SentReport commit(const CommitArgs &a) {
        const auto buffer = buffers_.find(a.buffer);
        buffer->setOpcode(static_cast<std::uint32_t>(a.opcode.value_or(0)));
        buffer->setOneWay(a.one_way.value_or(false));
        SentReport sent;
        sent.sequence = buffer->commit();
        return sent;
    }

    FrameReport receive(const ReceiveArgs &a) {
        const auto channel = channel_.get();
        Response response = take(*channel, a);
        FrameReport frame = seen(response);
        if (a.hold) {
            held_.keep(*a.hold, std::move(response));
        }
        return frame;
    }

    Response take(IDuplexClient &channel, const ReceiveArgs &a) const {
        if (a.sequence) {
            return channel.receiveResponse(*a.sequence, a.timeout_ms ? milliseconds(*a.timeout_ms) : call_timeout_);
        }
        return a.timeout_ms ? channel.receiveResponse(milliseconds(*a.timeout_ms)) : channel.receiveResponse();
    }

    ExchangeReport exchange(const ExchangeArgs &a) {
        const auto channel = channel_.get();
        ExchangeReport done;
        std::deque<std::uint64_t> in_flight;
        for (std::uint64_t sent = 0; done.count < a.count;) {
            if (sent < a.count && in_flight.size() < a.window) {
                const std::uint64_t size = (a.first_size + sent * a.size_step) % a.size_modulo;
                const std::uint64_t sequence = publish(*channel, size, a.seed + sent, a.acquire.value_or(false));
                if (sent == 0) {
                    done.first_sequence = sequence;
                }
                done.last_sequence = sequence;
                in_flight.push_back(sequence);
                ++sent;
                continue;
            }
            const Response response = channel->receiveResponse(in_flight.front(), call_timeout_);
            done.crc32 = crc32(response.data(), static_cast<std::uint32_t>(done.crc32));
            done.bytes += response.size();
            if (a.verify.value_or(false)) {
                checkInverted(response.data(), (a.first_size + done.count * a.size_step) % a.size_modulo, a.seed + done.count);
            }
            ++done.count;
            in_flight.pop_front();
        }
        return done;
    }

    static std::uint64_t publish(IDuplexClient &channel, std::uint64_t size, std::uint64_t seed, bool acquire) {
        if (!acquire) {
            return channel.sendRequest(pattern(size, seed));
        }
        RequestBuffer buffer = channel.acquireRequestBuffer(size);
        fill(buffer.data(), seed);
        return buffer.commit();
    }

    BufferWriter buffer_{[this] { drop(); }};
    Owned<IDuplexClient> channel_{"there is no client"};
    Kept<RequestBuffer> buffers_;
    Kept<Response> held_;
    IDuplexClient::Duration call_timeout_{}; // by number nothing is received without a timeout
};

} // namespace

std::unique_ptr<Role> makeClient() { return std::make_unique<Client>(); }

} // namespace zeroduplex::conformance
