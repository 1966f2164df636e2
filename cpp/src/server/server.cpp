#include "server/server.hpp"

#include <utility>

#include <zeroduplex/error.hpp>

#include "platform/clock.hpp"
#include "platform/fork.hpp"
#include "platform/name.hpp"
#include "server/reporting.hpp"

namespace zeroduplex::detail {

namespace {

/// The server whose handler runs on this thread.
thread_local const Server* handling = nullptr;

const std::string& checked(const std::string& name) {
  platform::check_name(name);
  return name;
}

}  // namespace

Server::Server(std::string name, const BufferConfig& config, const ServerOptions& options)
    : name_(std::move(name)),
      config_(config),
      options_(checked(options)),
      fork_generation_(platform::fork_generation()),
      owner_(checked(name_)),
      engine_(make_engine()),
      supervisor_([this] { supervise(); }) {}

Server::~Server() {
  {
    const std::lock_guard lock(stop_mutex_);
    static_cast<void>(stop_engine(handling == this ? Duration::zero() : options_.stop_timeout));
  }
  // Handlers that still run use objects of the caller, who may end them as soon as this returns.
  for (std::thread& worker : workers_) {
    if (worker.get_id() == std::this_thread::get_id()) {
      worker.detach();
    } else {
      worker.join();
    }
  }
}

bool Server::is_foreign() const noexcept { return fork_generation_ != platform::fork_generation(); }

std::shared_ptr<Engine> Server::make_engine() {
  // A copy: a worker may outlive the server that a handler destroyed.
  return std::make_shared<Engine>(name_, config_, options_, metadata_,
                                  [on_error = options_.on_error](const Error& error) { tell(on_error, error); });
}

void Server::refuse_foreign() const {
  if (is_foreign()) throw ClosedError("'" + name_ + "' was created before fork() and belongs to the parent process");
}

std::shared_ptr<Engine> Server::engine() {
  refuse_foreign();
  const std::lock_guard lock(mutex_);
  if (stopping_) throw ClosedError("the server of '" + name_ + "' was stopped");
  return engine_;
}

void Server::start(Handler handler) {
  if (!handler) throw InvalidArgumentError("a server cannot start without a handler");
  static_cast<void>(engine());
  const std::lock_guard lock(mutex_);
  if (handler_) throw InvalidArgumentError("the server of '" + name_ + "' was started before");
  handler_ = std::make_shared<const Handler>(std::move(handler));
  start_workers();
}

void Server::start_workers() {
  for (std::uint32_t i = 0; i < options_.workers; ++i) {
    workers_.emplace_back([this, engine = engine_, handler = handler_] {
      handling = this;
      engine->work(*handler);
    });
  }
  engine_->start();
}

void Server::supervise() noexcept {
  for (;;) {
    std::shared_ptr<Engine> current;
    {
      const std::lock_guard lock(mutex_);
      current = engine_;
    }
    if (current->supervise() == Engine::Verdict::stopped) return;
    current->give_up();
    tell(options_.on_error,
         ClientDeadError("handlers of a client of '" + name_ + "' that is gone run on; the segment is given up to them"));
    if (!start_over()) return;
  }
}

bool Server::start_over() noexcept {
  for (;;) {
    try {
      const std::lock_guard lock(mutex_);  // metadata written meanwhile is not lost
      if (stopping_) return false;
      engine_ = make_engine();
      if (handler_) start_workers();
      return true;
    } catch (const Error& e) {
      tell(options_.on_error, e);
    } catch (const std::exception& e) {
      tell(options_.on_error, SystemError(std::string("start over: ") + e.what()));
    }
    std::unique_lock lock(mutex_);
    if (stopping_wake_.wait_for(lock, wire::default_v2_wait_slice, [this] { return stopping_; })) return false;
  }
}

void Server::stop(Duration timeout) {
  if (timeout.count() < 0) throw InvalidArgumentError("a timeout is negative");
  if (is_foreign()) return;  // nothing of it is ours
  if (handling == this) {
    throw InvalidArgumentError("stop() in a handler would wait for that handler; call requestStop()");
  }
  const std::lock_guard lock(stop_mutex_);
  if (!stop_engine(timeout)) throw TimeoutError("handlers or responses of '" + name_ + "' were left; the channel is removed");
}

bool Server::stop_engine(Duration timeout) noexcept {
  if (std::exchange(stopped_, true)) return true;
  request_stop();
  // The supervisor may just be replacing the segment: it ends before we look which one is the last.
  supervisor_.join();
  const bool done = engine_->stop(platform::deadline_after(platform::Clock::now(), timeout));
  owner_.release();
  return done;
}

void Server::request_stop() noexcept {
  if (is_foreign()) return;
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  stopping_wake_.notify_all();
  engine_->request_stop();
}

void Server::set_metadata(std::span<const std::byte> data) {
  static_cast<void>(engine());
  const std::lock_guard lock(mutex_);
  engine_->set_metadata(data);
  metadata_.emplace(data.begin(), data.end());
}

std::vector<std::byte> Server::client_metadata() { return engine()->client_metadata(); }

MemoryReport Server::memory_report() {
  refuse_foreign();
  const std::lock_guard lock(mutex_);
  return engine_->memory_report();
}

bool Server::is_client_connected() {
  if (is_foreign()) return false;
  std::shared_ptr<Engine> current;
  {
    const std::lock_guard lock(mutex_);
    current = engine_;
  }
  return current->is_client_connected();
}

}  // namespace zeroduplex::detail
