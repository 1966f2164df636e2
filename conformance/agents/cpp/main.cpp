// The conformance agent of the C++ SDK: see conformance/docs/writing-an-agent.md.

#include <array>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <thread>

#include <unistd.h>

#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/zeroduplex.hpp>

#include "agent.hpp"

namespace zeroduplex::conformance {
namespace {

constexpr std::uint32_t max_message = 16U << 20U;

#define FIELD(type, name) FieldLayout{#name, offsetof(wire::type, name), sizeof(wire::type::name)}

std::vector<StructLayout> layout() {
    return {
        {"oieb_v2",
         sizeof(wire::OiebV2),
         {FIELD(OiebV2, oieb_size), FIELD(OiebV2, version), FIELD(OiebV2, metadata_size), FIELD(OiebV2, metadata_free_bytes),
          FIELD(OiebV2, metadata_written_bytes), FIELD(OiebV2, payload_size), FIELD(OiebV2, payload_free_bytes),
          FIELD(OiebV2, payload_written_bytes), FIELD(OiebV2, payload_written_count), FIELD(OiebV2, payload_read_count),
          FIELD(OiebV2, writer_pid), FIELD(OiebV2, reader_pid)}},
        {"frame_header_v2",
         sizeof(wire::FrameHeaderV2),
         {FIELD(FrameHeaderV2, payload_size), FIELD(FrameHeaderV2, sequence_number), FIELD(FrameHeaderV2, capacity),
          FIELD(FrameHeaderV2, state), FIELD(FrameHeaderV2, status), FIELD(FrameHeaderV2, request_size), FIELD(FrameHeaderV2, opcode),
          FIELD(FrameHeaderV2, flags), FIELD(FrameHeaderV2, reserved)}},
        {"oieb_v1",
         sizeof(wire::OiebV1),
         {FIELD(OiebV1, oieb_size), FIELD(OiebV1, version), FIELD(OiebV1, metadata_size), FIELD(OiebV1, metadata_free_bytes),
          FIELD(OiebV1, metadata_written_bytes), FIELD(OiebV1, payload_size), FIELD(OiebV1, payload_free_bytes),
          FIELD(OiebV1, payload_write_pos), FIELD(OiebV1, payload_read_pos), FIELD(OiebV1, payload_written_count),
          FIELD(OiebV1, payload_read_count), FIELD(OiebV1, writer_pid), FIELD(OiebV1, reader_pid), FIELD(OiebV1, reserved)}},
        {"frame_header_v1",
         sizeof(wire::FrameHeaderV1),
         {FIELD(FrameHeaderV1, payload_size), FIELD(FrameHeaderV1, sequence_number)}},
    };
}

#undef FIELD

// Reads exactly so many bytes; false at a clean end.
bool readAll(void *buffer, std::size_t size, bool may_end) {
    auto *at = static_cast<char *>(buffer);
    for (std::size_t have = 0; have < size;) {
        const ssize_t n = read(STDIN_FILENO, at + have, size - have);
        if (n == 0 && have == 0 && may_end) {
            return false;
        }
        if (n == 0 || (n < 0 && errno != EINTR)) {
            throw BadMessage("a message is cut off");
        }
        have += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
    return true;
}

void write(const Json &message) {
    static std::mutex writing;
    const std::string text = message.write();
    std::string framed(4, '\0');
    for (std::size_t i = 0; i < 4; ++i) {
        framed[i] = static_cast<char>(text.size() >> (8 * i));
    }
    framed += text;
    const std::lock_guard lock(writing);
    for (std::size_t done = 0; done < framed.size();) {
        const ssize_t n = ::write(STDOUT_FILENO, framed.data() + done, framed.size() - done);
        if (n < 0 && errno != EINTR) {
            std::_Exit(2); // nobody is left to talk to
        }
        done += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        std::uint32_t group = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            group = group << 8U | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            text += at + i > bytes.size() ? '=' : digits[group >> (18 - 6 * i) & 63U];
        }
    }
    return text;
}

DumpReport dump(const DumpArgs &a) {
    std::ifstream file("/dev/shm/" + a.name, std::ios::binary);
    if (!file) {
        throw std::runtime_error("there is no object " + a.name);
    }
    DumpReport dumped;
    dumped.data = base64(std::string(std::istreambuf_iterator<char>(file), {}));
    return dumped;
}

Failure failureOf(const Error &error) {
    Failure failure;
    failure.name = error_name(error.code());
    failure.code = static_cast<std::uint64_t>(error.code());
    failure.message = error.what();
    if (error.status() != 0) {
        failure.sequence = error.sequence();
        failure.status = error.status();
        failure.handler_message = error.message();
    }
    return failure;
}

AgentResponse answer(const Operations &operations, const AgentRequest &request) {
    AgentResponse response;
    response.type = "response";
    response.id = request.id;
    const auto run = operations.find(request.op);
    if (run == operations.end()) {
        response.outcome = outcome_unsupported;
        return response;
    }
    std::clog << request.case_ + ": " + std::to_string(request.id) + " " + request.op + "\n";
    response.outcome = outcome_error;
    try {
        response.result = *run->second(request.args).as<Json::Object>();
        response.outcome = outcome_ok;
    } catch (const Error &error) {
        response.error = failureOf(error);
    } catch (const std::exception &error) {
        response.error.emplace().name = "unexpected";
        response.error->message = error.what();
    }
    if (response.error) {
        std::clog << request.case_ + ": " + std::to_string(request.id) + " failed: " + response.error->message + "\n";
    }
    return response;
}

void serve(const std::string &name) {
    const std::unique_ptr<Role> role = name == role_server ? makeServer() : makeClient();
    auto operations = std::make_shared<Operations>();
    role->addTo(*operations);
    add<DumpArgs>(*operations, "dump", dump);
    add<ResetArgs>(*operations, "reset", [&role](const ResetArgs &) {
        role->reset();
        return EmptyReport();
    });
    write(Hello{"hello", protocol_version, "cpp", "cpp", ZERODUPLEX_VERSION, name, layout(), {}}.encode());
    for (std::array<unsigned char, 4> prefix{}; readAll(prefix.data(), prefix.size(), true);) {
        const std::uint32_t size = prefix[0] | prefix[1] << 8U | prefix[2] << 16U | static_cast<std::uint32_t>(prefix[3]) << 24U;
        if (size > max_message) {
            throw BadMessage("a message of " + std::to_string(size) + " bytes is announced");
        }
        std::string text(size, '\0');
        readAll(text.data(), size, false);
        const Json message = Json::parse(text);
        if (message.as<Json::Object>() == nullptr) {
            throw BadMessage("a message is no object");
        }
        const AgentRequest request = AgentRequest::decode(*message.as<Json::Object>());
        if (request.background) {
            std::thread([operations, request] { write(answer(*operations, request).encode()); }).detach();
        } else {
            write(answer(*operations, request).encode());
        }
    }
    role->reset();
    std::_Exit(0); // operations may still wait in the background, on a role that must outlive them
}

} // namespace
} // namespace zeroduplex::conformance

int main(int argc, char **argv) {
    const std::string role = argc == 2 ? argv[1] : "";
    if (role != zeroduplex::conformance::role_server && role != zeroduplex::conformance::role_client) {
        std::cerr << "usage: agent server|client\n";
        return 2;
    }
    try {
        zeroduplex::conformance::serve(role);
    } catch (const std::exception &error) {
        std::cerr << "agent: " << error.what() << '\n';
        std::_Exit(2);
    }
}
