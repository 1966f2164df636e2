#pragma once

#include "client/channel.hpp"

namespace zeroduplex::detail {

/// Leaves the channel's mutex for a while; close() waits until the call is back.
class Channel::Outside {
 public:
  Outside(Channel& channel, Lock& lock) : channel_(channel), lock_(lock) {
    ++channel_.outside_;
    lock_.unlock();
  }
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  ~Outside() {
    lock_.lock();
    channel_.come_back();
  }

 private:
  Channel& channel_;
  Lock& lock_;
};

/// Waits for a response. With a sequence number the response is kept from "receive any" meanwhile. Under the mutex at both ends.
class Channel::Receiving {
 public:
  Receiving(Channel& channel, std::optional<std::uint64_t> sequence) noexcept : channel_(channel) {
    self_.sequence = sequence;
    self_.next = channel_.receivers_;
    channel_.receivers_ = &self_;
  }
  Receiving(const Receiving&) = delete;
  Receiving& operator=(const Receiving&) = delete;
  ~Receiving() {
    Receiver** at = &channel_.receivers_;
    while (*at != &self_) at = &(*at)->next;
    *at = self_.next;
    // Somebody else may have to take over the sleeper's role.
    if (!channel_.receiver_sleeps_ && channel_.receivers_ != nullptr) channel_.receivers_->wake.notify();
  }

  [[nodiscard]] Receiver& self() noexcept { return self_; }

 private:
  Channel& channel_;
  Receiver self_;
};

}  // namespace zeroduplex::detail
