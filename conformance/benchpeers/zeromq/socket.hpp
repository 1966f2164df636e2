#pragma once

#include <zmq.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace peer {

[[noreturn]] inline void fail(const std::string& doing) { throw std::runtime_error(doing + ": " + zmq_strerror(errno)); }

/// One message. Its memory belongs to libzmq once it was sent.
class Message {
 public:
  Message() { zmq_msg_init(&message_); }
  /// A message that lies in `data`, which is not copied and stays the caller's. It must not change until it was transmitted.
  explicit Message(std::span<std::byte> data) {
    if (zmq_msg_init_data(
            &message_, data.data(), data.size(), [](void*, void*) {}, nullptr) != 0)
      fail("making a message");
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
  ~Message() { zmq_msg_close(&message_); }

  std::span<std::byte> data() { return {static_cast<std::byte*>(zmq_msg_data(&message_)), zmq_msg_size(&message_)}; }
  zmq_msg_t* get() { return &message_; }

 private:
  zmq_msg_t message_;
};

/// One DEALER socket with a context of its own. DEALERs on both sides exchange messages without the envelope that REQ and REP add.
class Socket {
 public:
  Socket(bool spin, int timeout_ms) : spin_(spin), context_(zmq_ctx_new()) {
    if (context_ == nullptr) fail("making a context");
    socket_ = zmq_socket(context_, ZMQ_DEALER);
    if (socket_ == nullptr) {
      const int error = errno;
      zmq_ctx_term(context_);
      errno = error;
      fail("making a socket");
    }
    set(ZMQ_SNDHWM, 0);
    set(ZMQ_RCVHWM, 0);
    set(ZMQ_LINGER, 0);
    set(ZMQ_SNDTIMEO, timeout_ms);
    set(ZMQ_RCVTIMEO, timeout_ms);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    zmq_close(socket_);
    zmq_ctx_term(context_);
  }

  void bind(const std::string& name) {
    if (zmq_bind(socket_, endpoint(name).c_str()) != 0) fail("binding " + endpoint(name));
  }
  void connect(const std::string& name) {
    if (zmq_connect(socket_, endpoint(name).c_str()) != 0) fail("connecting to " + endpoint(name));
  }

  void send(Message& message) {
    if (zmq_msg_send(message.get(), socket_, 0) < 0) fail("sending");
  }
  /// False: nothing came within the timeout, or when spinning is there now.
  bool receive(Message& message) {
    if (zmq_msg_recv(message.get(), socket_, spin_ ? ZMQ_DONTWAIT : 0) >= 0) return true;
    if (errno != EAGAIN && errno != EINTR) fail("receiving");
    return false;
  }

 private:
  /// In the abstract namespace, so that nothing is left behind.
  static std::string endpoint(const std::string& name) { return "ipc://@zeroduplex-bench-" + name; }
  void set(int option, int value) {
    if (zmq_setsockopt(socket_, option, &value, sizeof value) != 0) fail("setting an option");
  }

  bool spin_;
  void* context_;
  void* socket_ = nullptr;
};

}  // namespace peer
