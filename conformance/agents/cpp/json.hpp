// JSON without floating point, and the strict reading of messages. Nothing but the standard library.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zeroduplex::conformance {

// What was read is no message of the protocol.
class BadMessage : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

// A JSON value. Integers are unsigned, or signed when below zero.
class Json {
  public:
    using Object = std::map<std::string, Json>;
    using Array = std::vector<Json>;

    Json() = default;
    explicit Json(bool value) : value_(value) {}
    explicit Json(std::uint64_t value) : value_(value) {}
    explicit Json(std::int64_t value) : value_(value) {}
    explicit Json(std::string value) : value_(std::move(value)) {}
    explicit Json(Array value) : value_(std::move(value)) {}
    explicit Json(Object value) : value_(std::move(value)) {}

    // Reads one value and nothing behind it.
    static Json parse(std::string_view text);
    [[nodiscard]] std::string write() const;

    template <typename T> [[nodiscard]] const T *as() const { return std::get_if<T>(&value_); }

  private:
    void write(std::string &text) const;

    std::variant<std::nullptr_t, bool, std::uint64_t, std::int64_t, std::string, Array, Object> value_ = nullptr;
};

inline Json encoded(bool value) { return Json(value); }
inline Json encoded(std::uint64_t value) { return Json(value); }
inline Json encoded(std::int64_t value) { return value < 0 ? Json(value) : Json(static_cast<std::uint64_t>(value)); }
inline Json encoded(const std::string &value) { return Json(value); }
inline Json encoded(const Json::Object &value) { return Json(value); }
template <typename M> Json encoded(const M &message) { return message.encode(); }
template <typename M> Json encoded(const std::vector<M> &list) {
    Json::Array array;
    for (const M &element : list) {
        array.push_back(encoded(element));
    }
    return Json(std::move(array));
}

template <typename T> void put(Json::Object &record, const char *name, const T &value) { record.emplace(name, encoded(value)); }
template <typename T> void put(Json::Object &record, const char *name, const std::optional<T> &value) {
    if (value) {
        put(record, name, *value);
    }
}

// Reads an object member by member; end() refuses members that nobody asked for.
class RecordReader {
  public:
    RecordReader(const char *what, const Json::Object &members) : what_(what), members_(members) {}

    template <typename T> void read(const char *name, T &value) {
        known_.insert(name);
        const auto member = members_.find(name);
        if (member == members_.end()) {
            throw BadMessage(std::string(what_) + " lacks " + name);
        }
        convert(name, member->second, value);
    }
    template <typename T> void read(const char *name, std::optional<T> &value) {
        known_.insert(name);
        if (members_.contains(name)) {
            read(name, value.emplace());
        }
    }
    void end() const {
        for (const auto &member : members_) {
            if (!known_.contains(member.first)) {
                throw BadMessage(std::string(what_) + " has the unknown member " + member.first);
            }
        }
    }

  private:
    template <typename T> void convert(const char *name, const Json &from, T &value) const {
        const T *found = from.as<T>();
        if (found == nullptr) {
            throw BadMessage(std::string(what_) + ": " + name + " has another type");
        }
        value = *found;
    }
    void convert(const char *name, const Json &from, std::int64_t &value) const {
        const auto *positive = from.as<std::uint64_t>();
        const auto *negative = from.as<std::int64_t>();
        if (negative != nullptr) {
            value = *negative;
        } else if (positive != nullptr && *positive <= INT64_MAX) {
            value = static_cast<std::int64_t>(*positive);
        } else {
            throw BadMessage(std::string(what_) + ": " + name + " has another type");
        }
    }

    const char *what_;
    const Json::Object &members_;
    std::set<std::string> known_;
};

} // namespace zeroduplex::conformance
