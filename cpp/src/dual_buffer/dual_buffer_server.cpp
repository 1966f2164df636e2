#include "dual_buffer/dual_buffer_server.hpp"

#include <utility>

#include "common/memory_reports.hpp"
#include "common/wait.hpp"
#include "dual_buffer/names.hpp"
#include "platform/process.hpp"
#include "server/reporting.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using stream::ReaderCore;

namespace {

/// The server whose handler runs on this thread.
thread_local const DualBufferServer* handling = nullptr;

std::string checked_name(std::string name) {
  check_dual_buffer_name(name);
  return name;
}

const ServerOptions& one_worker(const ServerOptions& options) {
  checked(options);
  if (options.workers != 1) {
    throw InvalidArgumentError("a v1 server answers in order and has 1 worker, not " + std::to_string(options.workers));
  }
  return options;
}

}  // namespace

DualBufferServer::DualBufferServer(std::string name, const BufferConfig& config, const ServerOptions& options)
    : name_(checked_name(std::move(name))),
      config_(config),
      options_(one_worker(options)),
      responses_(response_buffer(name_), options_),
      requests_(make_requests()) {}

std::shared_ptr<ReaderCore> DualBufferServer::make_requests() const {
  return ReaderCore::create(request_buffer(name_), config_,
                            {.mode = options_.mode,
                             .wait = options_.wait,
                             .spin_window = options_.spin_window,
                             .allow_other_users = options_.allow_other_users,
                             .wish = platform::page_wish(options_)});
}

void DualBufferServer::report(const Error& error) const noexcept { tell(options_.on_error, error); }

void DualBufferServer::refuse_foreign() const {
  if (is_foreign()) throw ClosedError("'" + name_ + "' was created before fork() and belongs to the parent process");
}

std::shared_ptr<ReaderCore> DualBufferServer::requests() {
  refuse_foreign();
  const std::lock_guard lock(mutex_);
  if (stopping_) throw ClosedError("the server of '" + name_ + "' was stopped");
  return requests_;
}

void DualBufferServer::start(std::unique_ptr<Answering> answering) {
  static_cast<void>(requests());
  const std::lock_guard lock(mutex_);
  if (stopping_) throw ClosedError("the server of '" + name_ + "' was stopped");
  if (answering_) throw InvalidArgumentError("the server of '" + name_ + "' was started before");
  answering_ = std::move(answering);
  working_ = true;
  worker_ = std::thread([self = shared_from_this()] { self->work(); });
}

void DualBufferServer::work() noexcept {
  handling = this;
  for (;;) {
    std::shared_ptr<ReaderCore> current;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
      current = requests_;
    }
    try {
      while (serve(current)) {
      }
      break;
    } catch (const Error& e) {
      // Nothing behind this can be read. The client sees its reader go; the next one gets a new buffer.
      report(e);
    } catch (const std::exception& e) {
      report(SystemError(std::string("read a request: ") + e.what()));
    }
    current->close();
    if (!start_over()) break;
  }
  const std::lock_guard lock(mutex_);
  working_ = false;
  changed_.notify_all();
}

bool DualBufferServer::serve(const std::shared_ptr<ReaderCore>& requests) {
  std::optional<stream::TakenFrame> frame;
  try {
    frame = requests->read(wire::default_v2_wait_slice, ReaderCore::WhenWriterIsGone::wait, [&](const stream::FoundFrame& found) {
      if (found.is_first()) open_responses(*requests);
    });
  } catch (const ClosedError&) {
    return false;
  }
  const bool client_lives = responses_.keep_if_client_lives();
  if (!frame) return true;
  ReadRequest request(requests, *frame);
  // What a client that is gone left behind is passed, and so is what one without a response buffer sends.
  if (client_lives) answering_->answer(request, responses_);
  return true;
}

void DualBufferServer::open_responses(const ReaderCore& requests) {
  // Before the request is passed: a client that finds requests of its predecessor waits until they are, and only then makes its
  // response buffer. So that buffer can never be taken for its predecessor's.
  const std::uint64_t writer = requests.writer_pid();
  responses_.open([&] {
    const std::uint64_t now = requests.writer_pid();
    if (now != writer || !platform::is_living(now)) return true;
    const std::lock_guard lock(mutex_);
    return stopping_;
  });
}

bool DualBufferServer::start_over() noexcept {
  for (;;) {
    try {
      auto fresh = make_requests();
      std::unique_lock lock(mutex_);
      if (!stopping_) requests_.swap(fresh);
      const bool stopping = stopping_;
      lock.unlock();
      if (stopping) fresh->close();
      return !stopping;
    } catch (const Error& e) {
      report(e);
    } catch (const std::exception& e) {
      report(SystemError(std::string("start over: ") + e.what()));
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, wire::default_v2_wait_slice, [this] { return stopping_; })) return false;
  }
}

void DualBufferServer::stop(Duration timeout) {
  check_timeout(timeout);
  if (is_foreign()) return;  // nothing of it is ours
  if (handling == this) {
    throw InvalidArgumentError("stop() in a handler would wait for that handler; call requestStop()");
  }
  const std::lock_guard lock(stop_mutex_);
  if (!stop_worker(timeout)) throw TimeoutError("a handler of '" + name_ + "' still runs; the channel is removed");
}

bool DualBufferServer::stop_worker(Duration timeout) noexcept {
  if (std::exchange(stopped_, true)) return true;
  request_stop();
  bool done = true;
  std::shared_ptr<ReaderCore> last;
  {
    std::unique_lock lock(mutex_);
    done = changed_.wait_until(lock, platform::deadline_after(Clock::now(), timeout), [this] { return !working_; });
    last = requests_;
  }
  responses_.close();  // also under a handler that waits for room
  last->close();
  return done;
}

void DualBufferServer::request_stop() noexcept {
  if (is_foreign()) return;
  std::shared_ptr<ReaderCore> current;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    current = requests_;
    changed_.notify_all();
  }
  current->shut();
}

void DualBufferServer::end() noexcept {
  if (is_foreign()) return;
  const bool in_handler = handling == this;
  {
    const std::lock_guard lock(stop_mutex_);
    static_cast<void>(stop_worker(in_handler ? Duration::zero() : options_.stop_timeout));
  }
  if (!worker_.joinable()) return;
  // A handler that still runs uses objects of the caller, who may end them as soon as this returns.
  if (in_handler) {
    worker_.detach();
  } else {
    worker_.join();
  }
}

void DualBufferServer::set_metadata(std::span<const std::byte> content) {
  static_cast<void>(requests());
  responses_.set_metadata(content);
}

std::vector<std::byte> DualBufferServer::client_metadata() { return requests()->metadata().value_or(std::vector<std::byte>()); }

MemoryReport DualBufferServer::memory_report() {
  refuse_foreign();
  std::unique_lock lock(mutex_);
  const MemoryReport requests = requests_->memory_report();
  lock.unlock();
  const auto responses = responses_.memory_report();
  return responses ? both(requests, *responses) : requests;
}

bool DualBufferServer::is_client_connected() {
  if (is_foreign()) return false;
  std::shared_ptr<ReaderCore> current;
  {
    const std::lock_guard lock(mutex_);
    current = requests_;
  }
  return current->is_writer_connected();
}

}  // namespace zeroduplex::detail
