#include "platform/fork.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <vector>

namespace zeroduplex::platform {

namespace detail {
std::atomic<std::uint32_t> fork_generation{0};
}

namespace {

/// Every open LockDescriptor of the process. The mutex is held across fork(), so that no descriptor is open but unlisted in a
/// child.
class Registry {
 public:
  static Registry& instance() {
    // Never destroyed: static objects of other files may close descriptors after any destructor of ours would have run.
    static auto* registry = new Registry;
    return *registry;
  }

  std::mutex mutex;
  std::vector<int> descriptors;

 private:
  Registry() {
    ::pthread_atfork([] { instance().mutex.lock(); }, [] { instance().mutex.unlock(); },
                     [] {
                       Registry& registry = instance();
                       for (const int fd : registry.descriptors) ::close(fd);
                       registry.descriptors.clear();
                       detail::fork_generation.fetch_add(1, std::memory_order_relaxed);
                       registry.mutex.unlock();
                     });
  }
};

}  // namespace

LockDescriptor LockDescriptor::open(const char* path, int flags, mode_t mode) {
  Registry& registry = Registry::instance();
  const std::lock_guard lock(registry.mutex);
  registry.descriptors.reserve(registry.descriptors.size() + 1);  // nothing may throw once the file is open
  LockDescriptor result;
  result.fd_ = ::open(path, flags | O_CLOEXEC, mode);
  result.generation_ = fork_generation();
  if (result.fd_ >= 0) registry.descriptors.push_back(result.fd_);
  return result;
}

void LockDescriptor::reset() noexcept {
  if (fd_ < 0) return;
  if (generation_ == fork_generation()) {  // else the child closed it, and the number may mean another file by now
    Registry& registry = Registry::instance();
    const std::lock_guard lock(registry.mutex);
    std::erase(registry.descriptors, fd_);
    ::close(fd_);
  }
  fd_ = -1;
}

}  // namespace zeroduplex::platform
