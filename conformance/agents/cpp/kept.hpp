// What an agent keeps under the names that the runner gave.

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace zeroduplex::conformance {

// Thread-safe; what is kept is shared with whoever is just using it.
template <typename T> class Kept {
  public:
    void keep(const std::string &name, T thing) {
        auto shared = std::make_shared<T>(std::move(thing));
        const std::lock_guard lock(mutex_);
        things_[name] = std::move(shared);
    }

    [[nodiscard]] bool has(const std::string &name) {
        const std::lock_guard lock(mutex_);
        return things_.contains(name);
    }

    [[nodiscard]] std::shared_ptr<T> find(const std::string &name) {
        const std::lock_guard lock(mutex_);
        const auto found = things_.find(name);
        if (found == things_.end()) {
            throw std::runtime_error("nothing is kept under " + name);
        }
        return found->second;
    }

    // Ends everything that nobody is just using, outside of the lock.
    void clear() {
        std::map<std::string, std::shared_ptr<T>> things; // which outlives the lock
        const std::lock_guard lock(mutex_);
        things.swap(things_);
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<T>> things_;
};

// The one thing that a role owns, if there is one.
template <typename T> class Owned {
  public:
    explicit Owned(std::string missing) : missing_(std::move(missing)) {}

    void set(std::shared_ptr<T> thing) {
        const std::lock_guard lock(mutex_);
        thing_ = std::move(thing);
    }
    [[nodiscard]] bool exists() {
        const std::lock_guard lock(mutex_);
        return thing_ != nullptr;
    }
    [[nodiscard]] std::shared_ptr<T> get() {
        const std::lock_guard lock(mutex_);
        if (thing_ == nullptr) {
            throw std::runtime_error(missing_);
        }
        return thing_;
    }
    [[nodiscard]] std::shared_ptr<T> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(thing_, nullptr);
    }

  private:
    const std::string missing_;
    std::mutex mutex_;
    std::shared_ptr<T> thing_;
};

} // namespace zeroduplex::conformance
