#pragma once

#include <signal.h>

#include <exception>
#include <iostream>

#include "common/flags.hpp"

namespace examples {

/// SIGTERM and SIGINT, kept away from every thread until wait() takes one. Make it before any thread is started.
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGTERM);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

/// Runs a program's body. Exit codes: 0 done, 1 failed, 2 wrong flags.
template <typename Body>
int run(const char* name, Body body) {
  try {
    body();
    return 0;
  } catch (const UsageError& e) {
    std::cerr << name << ": " << e.what() << '\n';
    return 2;
  } catch (const std::exception& e) {
    std::cerr << name << ": " << e.what() << '\n';
    return 1;
  }
}

}  // namespace examples
