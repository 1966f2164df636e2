#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>

#include <zeroduplex/zeroduplex.hpp>

#include "agent.hpp"
#include "buffer_reader.hpp"

namespace zeroduplex::conformance {
namespace {

constexpr std::size_t seen_limit = 256;

class Server final : public Role {
  public:
    void addTo(Operations &operations) override {
        buffer_.addTo(operations);
        add<CreateArgs>(operations, "create", [this](const CreateArgs &a) { return create(a); });
        add<SetHandlerArgs>(operations, "set_handler", [this](const SetHandlerArgs &a) { return setHandler(a); });
        add<StartArgs>(operations, "start", [this](const StartArgs &) {
            get()->start([this](Frame &frame) { handle(frame); });
            return EmptyReport();
        });
        add<LetGoArgs>(operations, "let_go", [this](const LetGoArgs &a) {
            const std::lock_guard lock(mutex_);
            free(a.sequence);
            return EmptyReport();
        });
        add<WaitHandledArgs>(operations, "wait_handled", [this](const WaitHandledArgs &a) { return waitHandled(a); });
        add<SetMetadataArgs>(operations, "set_metadata", [this](const SetMetadataArgs &a) {
            get()->setMetadata(pattern(a.size, a.seed));
            return EmptyReport();
        });
        add<GetMetadataArgs>(operations, "get_metadata", [this](const GetMetadataArgs &) {
            return buffer_.exists() ? buffer_.metadata() : content(get()->clientMetadata());
        });
        add<StopArgs>(operations, "stop", [this](const StopArgs &a) {
            get()->stop(milliseconds(a.timeout_ms));
            return EmptyReport();
        });
        add<CloseArgs>(operations, "close", [this](const CloseArgs &) {
            if (buffer_.exists()) {
                buffer_.close();
            } else {
                get()->stop();
            }
            return EmptyReport();
        });
    }

    void reset() override {
        {
            const std::lock_guard lock(mutex_);
            free(std::nullopt);
        }
        buffer_.reset();
        drop();
        const std::lock_guard lock(mutex_);
        other_ = SetHandlerArgs{handler_xor, {}, {}, {}, {}};
        behaviours_.clear();
        let_go_.clear();
        let_all_go_ = false;
        handled_ = HandledReport();
        frames_.clear();
    }

  private:
    // A handler that waits to be let go. It has a mark of its own: what is forgotten meanwhile must not keep it.
    struct Hold {
        std::uint64_t sequence;
        bool free;
    };

    std::shared_ptr<IDuplexServer> get() {
        const std::lock_guard lock(mutex_);
        if (channel_ == nullptr) {
            throw std::runtime_error("there is no server");
        }
        return channel_;
    }

    void drop() {
        std::shared_ptr<IDuplexServer> channel;
        {
            const std::lock_guard lock(mutex_);
            channel = std::move(channel_);
            channel_ = nullptr;
        }
        try {
            if (channel != nullptr) {
                channel->stop(milliseconds(0));
            }
        } catch (const Error &) {
            // What is left over is the runner's to find.
        }
    }

    EmptyReport create(const CreateArgs &a) {
        buffer_.reset();
        drop();
        const bool v1 = a.protocol == "v1";
        if (a.protocol && !v1 && *a.protocol != "v2") {
            throw std::runtime_error("unknown protocol " + *a.protocol);
        }
        const BufferConfig standard = v1 ? BufferConfig::defaultV1() : BufferConfig();
        const BufferConfig config(a.metadata_size.value_or(standard.metadataSize()), a.payload_size.value_or(standard.payloadSize()));
        ServerOptions options;
        if (a.workers) {
            options.workers = static_cast<std::uint32_t>(*a.workers);
        }
        if (a.wait) {
            options.wait = parseWaitStrategy(*a.wait);
        }
        if (a.reset_timeout_ms) {
            options.reset_timeout = milliseconds(*a.reset_timeout_ms);
        }
        if (a.stop_timeout_ms) {
            options.stop_timeout = milliseconds(*a.stop_timeout_ms);
        }
        if (a.mode) {
            options.mode = static_cast<mode_t>(*a.mode);
        }
        {
            const std::lock_guard lock(mutex_);
            handled_ = HandledReport();
            frames_.clear();
        }
        const auto factory = DuplexChannelFactory::getInstance();
        std::shared_ptr<IDuplexServer> made;
        if (v1) {
            made = factory.createImmutableServer(a.name, config, options);
        } else {
            made = factory.createInPlaceDuplexServer(a.name, config, options);
        }
        const std::lock_guard lock(mutex_);
        channel_ = std::move(made);
        return {};
    }

    EmptyReport setHandler(const SetHandlerArgs &a) {
        const std::lock_guard lock(mutex_);
        if (a.opcode) {
            behaviours_[*a.opcode] = a;
        } else {
            other_ = a;
        }
        let_all_go_ = false;
        return {};
    }

    void handle(Frame &frame) {
        FrameReport seen = report(frame.data(), frame.sequence(), frame.opcode());
        seen.capacity = frame.capacity();
        seen.one_way = frame.isOneWay();
        SetHandlerArgs behaviour;
        {
            const std::lock_guard lock(mutex_);
            const auto found = behaviours_.find(frame.opcode());
            behaviour = found == behaviours_.end() ? other_ : found->second;
            ++handled_.entered;
            frames_.push_back(std::move(seen));
            if (frames_.size() > seen_limit) {
                frames_.pop_front();
            }
            changed_.notify_all();
        }
        const Leaving leaving(*this);
        behave(behaviour, frame);
    }

    // Counts the end of a handler, however it ends.
    class Leaving {
      public:
        explicit Leaving(Server &server) : server_(server) {}
        Leaving(const Leaving &) = delete;
        Leaving &operator=(const Leaving &) = delete;
        ~Leaving() {
            const std::lock_guard lock(server_.mutex_);
            ++server_.handled_.left;
            server_.changed_.notify_all();
        }

      private:
        Server &server_;
    };

    void behave(const SetHandlerArgs &b, Frame &frame) {
        if (b.handler == handler_xor) {
            invert(frame.data());
        } else if (b.handler == handler_fail) {
            frame.fail(static_cast<std::int32_t>(b.code.value_or(1)), b.message.value_or(""));
        } else if (b.handler == handler_throw) {
            throw std::runtime_error(b.message.value_or(""));
        } else if (b.handler == handler_resize) {
            frame.resize(b.size.value_or(0));
            fill(frame.data(), frame.sequence());
        } else if (b.handler == handler_hold) {
            hold(frame.sequence());
            invert(frame.data());
        } else if (b.handler != handler_echo) {
            throw std::runtime_error("unknown handler " + b.handler);
        }
    }

    void hold(std::uint64_t sequence) {
        std::unique_lock lock(mutex_);
        Hold mark{sequence, let_all_go_ || let_go_.contains(sequence)};
        held_.insert(&mark);
        changed_.wait(lock, [&mark] { return mark.free; });
        held_.erase(&mark);
    }

    // Lets handlers go, now and later: one, or all. The mutex is held.
    void free(const std::optional<std::uint64_t> &sequence) {
        for (Hold *mark : held_) {
            mark->free = mark->free || !sequence || *sequence == mark->sequence;
        }
        if (sequence) {
            let_go_.insert(*sequence);
        } else {
            let_all_go_ = true;
        }
        changed_.notify_all();
    }

    HandledReport waitHandled(const WaitHandledArgs &a) {
        std::unique_lock lock(mutex_);
        const bool enough = changed_.wait_for(lock, milliseconds(a.timeout_ms), [&] {
            return handled_.entered >= a.entered.value_or(0) && handled_.left >= a.left.value_or(0);
        });
        if (!enough) {
            throw TimeoutError("waiting for handlers");
        }
        HandledReport handled = handled_;
        handled.frames.assign(frames_.begin(), frames_.end());
        return handled;
    }

    BufferReader buffer_{[this] { drop(); }};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<IDuplexServer> channel_;
    SetHandlerArgs other_{handler_xor, {}, {}, {}, {}};
    std::map<std::uint64_t, SetHandlerArgs> behaviours_;
    std::set<Hold *> held_;           // handlers that wait now
    bool let_all_go_ = false;         // later ones need not wait
    std::set<std::uint64_t> let_go_;  // nor need these
    HandledReport handled_;
    std::deque<FrameReport> frames_;
};

} // namespace

std::unique_ptr<Role> makeServer() { return std::make_unique<Server>(); }

} // namespace zeroduplex::conformance
