#include <exception>

#include <zeroduplex/error.hpp>

#include "common/backoff.hpp"
#include "common/wait.hpp"
#include "dual_buffer/dual_buffer_channel.hpp"
#include "dual_buffer/names.hpp"

namespace zeroduplex::detail {

using platform::Clock;
using platform::TimePoint;

namespace {

constexpr mode_t mode_for_everybody = 0666;

}  // namespace

void DualBufferChannel::connect(const ClientOptions& options) {
  check_dual_buffer_name(name_);
  check_timeout(options.connect_timeout);
  if (options.memory || options.response_config.memory()) {
    throw InvalidArgumentError("a v1 channel has buffers of its own and takes no view of memory");
  }
  const TimePoint deadline = platform::deadline_after(Clock::now(), options.connect_timeout);
  Backoff backoff(longest_connect_nap);
  const std::string no_server = "no living server has the name '" + name_ + "': ";
  const std::string other_client = "another client is attached to '" + name_ + "': ";
  for (;;) {
    std::exception_ptr error;
    try {
      return attach(options, deadline);
    } catch (const BufferNotFoundError& e) {
      error = std::make_exception_ptr(ServerNotFoundError(no_server + e.detail()));
    } catch (const ReaderDeadError& e) {
      error = std::make_exception_ptr(ServerNotFoundError(no_server + e.detail()));
    } catch (const WriterAlreadyConnectedError& e) {
      error = std::make_exception_ptr(WriterAlreadyConnectedError(other_client + e.detail()));
    } catch (const ReaderAlreadyConnectedError& e) {
      error = std::make_exception_ptr(WriterAlreadyConnectedError(other_client + e.detail()));
    }
    requests_.reset();  // makes room for others while we nap
    if (!backoff.nap(deadline)) std::rethrow_exception(error);
  }
}

void DualBufferChannel::attach(const ClientOptions& options, TimePoint deadline) {
  requests_ = stream::WriterCore::attach(request_buffer(name_), {.attach = {.connect_timeout = Duration::zero(),
                                                                            .allow_other_users = options.allow_other_users,
                                                                            .wish = platform::page_wish(options)},
                                                                 .wait = options.wait,
                                                                 .spin_window = options.spin_window});
  // What a dead predecessor left is answered to nobody. Our response buffer must not be there before the server has read all of it:
  // the server would take it for the predecessor's.
  for (Backoff backoff(longest_connect_nap); !requests_->is_all_read();) {
    if (!requests_->is_reader_living()) throw ReaderDeadError("the server is gone");
    if (!backoff.nap(deadline)) {
      throw ServerBusyError("the server of '" + name_ + "' has not read what a client before left");
    }
  }
  responses_ =
      stream::ReaderCore::create(response_buffer(name_), options.response_config,
                                 {.mode = options.allow_other_users ? mode_for_everybody : mode_t{wire::default_v2_object_mode},
                                  .wait = options.wait,
                                  .spin_window = options.spin_window,
                                  .allow_other_users = options.allow_other_users,
                                  .wish = platform::page_wish(options),
                                  .peer_is_gone = [requests = requests_] { return !requests->is_reader_living(); }});
}

}  // namespace zeroduplex::detail
