#include <deque>
#include <memory>
#include <mutex>
#include <stdexcept>

#include <zeroduplex/zeroduplex.hpp>

#include "agent.hpp"

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
        add<ConnectArgs>(operations, "connect", [this](const ConnectArgs &a) { return connect(a); });
        add<SendArgs>(operations, "send", [this](const SendArgs &a) { return send(a); });
        add<CallArgs>(operations, "call", [this](const CallArgs &a) { return call(a); });
        add<AcquireArgs>(operations, "acquire", [this](const AcquireArgs &a) { return acquire(a); });
        add<FillArgs>(operations, "fill", [this](const FillArgs &a) {
            fill(find(buffers_, a.buffer)->data(), a.seed);
            return EmptyReport();
        });
        add<CommitArgs>(operations, "commit", [this](const CommitArgs &a) { return commit(a); });
        add<AbortArgs>(operations, "abort", [this](const AbortArgs &a) {
            find(buffers_, a.buffer)->abort();
            return EmptyReport();
        });
        add<ReceiveArgs>(operations, "receive", [this](const ReceiveArgs &a) { return receive(a); });
        add<ReadArgs>(operations, "read", [this](const ReadArgs &a) { return seen(*find(held_, a.hold)); });
        add<ReleaseArgs>(operations, "release", [this](const ReleaseArgs &a) {
            find(held_, a.hold)->release();
            return EmptyReport();
        });
        add<CancelArgs>(operations, "cancel", [this](const CancelArgs &a) {
            CancelReport done;
            done.cancelled = get()->cancel(a.sequence);
            return done;
        });
        add<ConnectedArgs>(operations, "connected", [this](const ConnectedArgs &) {
            ConnectionReport state;
            state.connected = get()->isServerConnected();
            return state;
        });
        add<ExchangeArgs>(operations, "exchange", [this](const ExchangeArgs &a) { return exchange(a); });
        add<SetMetadataArgs>(operations, "set_metadata", [this](const SetMetadataArgs &a) {
            get()->setMetadata(pattern(a.size, a.seed));
            return EmptyReport();
        });
        add<GetMetadataArgs>(operations, "get_metadata", [this](const GetMetadataArgs &) { return content(get()->serverMetadata()); });
        add<CloseArgs>(operations, "close", [this](const CloseArgs &) {
            get()->close();
            return EmptyReport();
        });
    }

    void reset() override {
        // Destroyed without the lock: buffers and responses first, they end before their channel.
        std::shared_ptr<IDuplexClient> channel;
        std::map<std::string, std::shared_ptr<RequestBuffer>> buffers;
        std::map<std::string, std::shared_ptr<Response>> held;
        {
            const std::lock_guard lock(mutex_);
            channel.swap(channel_);
            buffers.swap(buffers_);
            held.swap(held_);
        }
        buffers.clear();
        held.clear();
        try {
            if (channel != nullptr) {
                channel->close();
            }
        } catch (const Error &) {
            // What is left over is the runner's to find.
        }
    }

  private:
    std::shared_ptr<IDuplexClient> get() {
        const std::lock_guard lock(mutex_);
        if (channel_ == nullptr) {
            throw std::runtime_error("there is no client");
        }
        return channel_;
    }

    template <typename T> std::shared_ptr<T> find(std::map<std::string, std::shared_ptr<T>> &things, const std::string &name) {
        const std::lock_guard lock(mutex_);
        const auto found = things.find(name);
        if (found == things.end()) {
            throw std::runtime_error("nothing is kept under " + name);
        }
        return found->second;
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
        call_timeout_ = options.call_timeout;
        std::shared_ptr<IDuplexClient> made = DuplexChannelFactory::getInstance().createClient(a.name, options);
        const std::lock_guard lock(mutex_);
        channel_ = std::move(made);
        return {};
    }

    SentReport send(const SendArgs &a) {
        const auto data = pattern(a.size, a.seed);
        const Request request{data, static_cast<std::uint32_t>(a.opcode.value_or(0)), a.capacity.value_or(0), a.one_way.value_or(false)};
        SentReport sent;
        sent.sequence = a.timeout_ms ? get()->send(request, milliseconds(*a.timeout_ms)) : get()->send(request);
        return sent;
    }

    FrameReport call(const CallArgs &a) {
        const auto data = pattern(a.size, a.seed);
        const Request request{data, static_cast<std::uint32_t>(a.opcode.value_or(0)), a.capacity.value_or(0), false};
        const auto channel = get();
        return seen(a.timeout_ms ? channel->call(request, milliseconds(*a.timeout_ms)) : channel->call(request));
    }

    BufferReport acquire(const AcquireArgs &a) {
        const auto channel = get();
        const std::uint64_t capacity = a.capacity.value_or(0);
        auto buffer = std::make_shared<RequestBuffer>(a.timeout_ms ? channel->acquireRequestBuffer(a.size, capacity, milliseconds(*a.timeout_ms))
                                                                   : channel->acquireRequestBuffer(a.size, capacity));
        BufferReport acquired;
        acquired.size = buffer->data().size();
        const std::lock_guard lock(mutex_);
        buffers_[a.buffer] = std::move(buffer);
        return acquired;
    }

    SentReport commit(const CommitArgs &a) {
        const auto buffer = find(buffers_, a.buffer);
        buffer->setOpcode(static_cast<std::uint32_t>(a.opcode.value_or(0)));
        buffer->setOneWay(a.one_way.value_or(false));
        SentReport sent;
        sent.sequence = buffer->commit();
        return sent;
    }

    FrameReport receive(const ReceiveArgs &a) {
        const auto channel = get();
        auto response = std::make_shared<Response>(take(*channel, a));
        FrameReport frame = seen(*response);
        if (a.hold) {
            const std::lock_guard lock(mutex_);
            held_[*a.hold] = std::move(response);
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
        const auto channel = get();
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

    std::mutex mutex_;
    std::shared_ptr<IDuplexClient> channel_;
    std::map<std::string, std::shared_ptr<RequestBuffer>> buffers_;
    std::map<std::string, std::shared_ptr<Response>> held_;
    IDuplexClient::Duration call_timeout_{}; // by number nothing is received without a timeout
};

} // namespace

std::unique_ptr<Role> makeClient() { return std::make_unique<Client>(); }

} // namespace zeroduplex::conformance
