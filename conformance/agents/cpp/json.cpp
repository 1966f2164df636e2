#include "json.hpp"

#include <charconv>

namespace zeroduplex::conformance {
namespace {

class Parser {
  public:
    explicit Parser(std::string_view text) : text_(text) {}

    Json whole() {
        Json value = parse();
        if (peek() != '\0') {
            throw bad("something follows the value");
        }
        return value;
    }

  private:
    Json parse() {
        switch (peek()) {
        case '{':
            return object();
        case '[':
            return array();
        case '"':
            return Json(string());
        case 't':
            return word("true", Json(true));
        case 'f':
            return word("false", Json(false));
        case 'n':
            return word("null", Json());
        default:
            return number();
        }
    }

    Json object() {
        Json::Object members;
        ++at_;
        while (peek() != '}') {
            if (!members.empty()) {
                expect(',');
                peek();
            }
            std::string name = string();
            peek();
            expect(':');
            if (!members.emplace(name, parse()).second) {
                throw bad(name + " is there twice");
            }
        }
        ++at_;
        return Json(std::move(members));
    }

    Json array() {
        Json::Array elements;
        ++at_;
        while (peek() != ']') {
            if (!elements.empty()) {
                expect(',');
            }
            elements.push_back(parse());
        }
        ++at_;
        return Json(std::move(elements));
    }

    std::string string() {
        std::string value;
        expect('"');
        for (char c = next(); c != '"'; c = next()) {
            if (c == '\\') {
                escape(value);
            } else {
                value += c;
            }
        }
        return value;
    }

    void escape(std::string &value) {
        const char c = next();
        constexpr std::string_view names = "\"\\/bfnrt";
        constexpr std::string_view values = "\"\\/\b\f\n\r\t";
        if (const auto simple = names.find(c); simple != std::string_view::npos) {
            value += values[simple];
        } else if (c == 'u') {
            std::uint32_t code = hex();
            if (code >= 0xD800 && code < 0xDC00 && next() == '\\' && next() == 'u') {
                code = 0x10000 + ((code - 0xD800) << 10) + (hex() - 0xDC00);
            }
            append(value, code);
        } else {
            throw bad("bad escape");
        }
    }

    std::uint32_t hex() {
        std::uint32_t code = 0;
        if (at_ + 4 > text_.size() || std::from_chars(&text_[at_], &text_[at_] + 4, code, 16).ptr != &text_[at_] + 4) {
            throw bad("bad escape");
        }
        at_ += 4;
        return code;
    }

    static void append(std::string &value, std::uint32_t code) {
        const auto byte = [&value](std::uint32_t bits) { value += static_cast<char>(bits); };
        if (code < 0x80) {
            byte(code);
        } else if (code < 0x800) {
            byte(0xC0 | code >> 6);
            byte(0x80 | (code & 0x3F));
        } else if (code < 0x10000) {
            byte(0xE0 | code >> 12);
            byte(0x80 | (code >> 6 & 0x3F));
            byte(0x80 | (code & 0x3F));
        } else {
            byte(0xF0 | code >> 18);
            byte(0x80 | (code >> 12 & 0x3F));
            byte(0x80 | (code >> 6 & 0x3F));
            byte(0x80 | (code & 0x3F));
        }
    }

    Json number() {
        const auto end = std::min(text_.find_first_not_of("-0123456789", at_), text_.size());
        const char *first = text_.data() + at_;
        const char *last = text_.data() + end;
        std::uint64_t positive = 0;
        std::int64_t negative = 0;
        if (first != last && std::from_chars(first, last, positive).ptr == last) {
            at_ = end;
            return Json(positive);
        }
        if (first != last && std::from_chars(first, last, negative).ptr == last) {
            at_ = end;
            return Json(negative);
        }
        throw bad("no value, or a number that is no integer");
    }

    Json word(std::string_view word, Json value) {
        if (text_.substr(at_, word.size()) != word) {
            throw bad("no value");
        }
        at_ += word.size();
        return value;
    }

    // The next character that is no blank, 0 at the end.
    char peek() {
        at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    char next() {
        if (at_ >= text_.size()) {
            throw bad("the text ends early");
        }
        return text_[at_++];
    }
    void expect(char wanted) {
        if (next() != wanted) {
            throw bad(std::string("expected ") + wanted);
        }
    }
    [[nodiscard]] BadMessage bad(const std::string &why) const {
        return BadMessage("bad JSON at character " + std::to_string(at_) + ": " + why);
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

// How many bytes of valid UTF-8 begin at text[at], 0 for none. A handler's message may be anything.
std::size_t character(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U; };
    const auto more = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
    if (byte(0) < 0x80) {
        return 1;
    }
    if (byte(0) >= 0xC2 && byte(0) < 0xE0 && more(1)) {
        return 2;
    }
    if (byte(0) >= 0xE0 && byte(0) < 0xF0 && more(1) && more(2)) {
        return 3;
    }
    return byte(0) >= 0xF0 && byte(0) < 0xF5 && more(1) && more(2) && more(3) ? 4 : 0;
}

void quote(std::string &out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = character(text, at);
        const char c = text[at];
        if (length == 0) {
            out += "\\ufffd";
        } else if (length == 1 && (c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20)) {
            out += "\\u00";
            out += digits[static_cast<unsigned char>(c) >> 4];
            out += digits[static_cast<unsigned char>(c) & 15];
        } else {
            out += text.substr(at, length);
        }
        at += std::max<std::size_t>(length, 1);
    }
    out += '"';
}

} // namespace

Json Json::parse(std::string_view text) { return Parser(text).whole(); }

std::string Json::write() const {
    std::string text;
    write(text);
    return text;
}

void Json::write(std::string &text) const {
    if (const auto *members = as<Object>()) {
        text += '{';
        const char *separator = "";
        for (const auto &[name, value] : *members) {
            text += separator;
            quote(text, name);
            text += ':';
            value.write(text);
            separator = ",";
        }
        text += '}';
    } else if (const auto *elements = as<Array>()) {
        text += '[';
        const char *separator = "";
        for (const Json &element : *elements) {
            text += separator;
            element.write(text);
            separator = ",";
        }
        text += ']';
    } else if (const auto *string = as<std::string>()) {
        quote(text, *string);
    } else if (const auto *flag = as<bool>()) {
        text += *flag ? "true" : "false";
    } else if (const auto *positive = as<std::uint64_t>()) {
        text += std::to_string(*positive);
    } else if (const auto *negative = as<std::int64_t>()) {
        text += std::to_string(*negative);
    } else {
        text += "null";
    }
}

} // namespace zeroduplex::conformance
