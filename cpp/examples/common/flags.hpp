#pragma once

#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <zeroduplex/zeroduplex.hpp>

namespace examples {

/// The command line is wrong.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Flags as `--name value` or `--name=value`, and switches as `--name` alone. Call finish() after the last flag was asked for.
class Flags {
 public:
  Flags(int argc, const char* const* argv, std::initializer_list<std::string_view> switches = {}) {
    for (int i = 1; i < argc; ++i) {
      std::string_view word = argv[i];
      if (!word.starts_with("--")) throw UsageError("unexpected argument \"" + std::string(word) + "\"");
      word.remove_prefix(2);
      const std::size_t equals = word.find('=');
      const std::string name(word.substr(0, equals));
      bool is_switch = false;
      for (const std::string_view s : switches) is_switch = is_switch || s == name;
      if (equals != std::string_view::npos) {
        values_[name] = word.substr(equals + 1);
      } else if (is_switch) {
        values_[name] = "true";
      } else if (++i < argc) {
        values_[name] = argv[i];
      } else {
        throw UsageError("--" + name + " needs a value");
      }
    }
  }

  std::string text(const std::string& name, std::string fallback = {}) {
    auto node = values_.extract(name);
    return node ? std::move(node.mapped()) : fallback;
  }

  /// The wait strategy of --wait.
  zeroduplex::WaitStrategy wait() {
    try {
      return zeroduplex::parseWaitStrategy(text("wait", "hybrid"));
    } catch (const zeroduplex::InvalidArgumentError& e) {
      throw UsageError(e.detail());
    }
  }

  template <typename Number = std::int64_t>
  Number number(const std::string& name, Number fallback, Number least, Number most = std::numeric_limits<Number>::max()) {
    const std::string value = text(name);
    Number result = fallback;
    if (!value.empty()) {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
      if (error != std::errc() || end != value.data() + value.size()) throw UsageError("--" + name + " " + value + " is no number");
    }
    if (result < least || result > most) {
      throw UsageError("--" + name + " must be " + std::to_string(least) + " to " + std::to_string(most));
    }
    return result;
  }

  bool is_set(const std::string& name) { return text(name) == "true"; }

  void finish() const {
    if (!values_.empty()) throw UsageError("there is no flag --" + values_.begin()->first);
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace examples
