// Writes frames into a ZeroBuffer v1 buffer.
//
//   stream-writer --name N --frames F (--size A | --size A-B | --sizes a,b,c) [--seed S] [--metadata-file F] [--zero-copy]
//                 [--timeout MS] [--json]
//
// Waits for the reader, which creates the buffer. Exit codes: 0 all frames written, 1 failed, 2 wrong flags.

#include <chrono>
#include <cstddef>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <zeroduplex/zeroduplex.hpp>

#include "common/program.hpp"
#include "common/stream_pattern.hpp"

namespace {

void write_metadata(zeroduplex::Writer& writer, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be read");
  const std::vector<char> content(std::istreambuf_iterator<char>(file), {});
  writer.setMetadata(std::as_bytes(std::span(content)));
}

void write(examples::Flags flags) {
  const std::string name = flags.text("name");
  const auto frames = flags.number<std::uint64_t>("frames", 1, 0);
  examples::FrameSizes sizes(flags);
  if (!sizes.given()) throw examples::UsageError("--size or --sizes is missing");
  const std::string metadata = flags.text("metadata-file");
  const bool zero_copy = flags.is_set("zero-copy");
  const bool json = flags.is_set("json");
  zeroduplex::WriterOptions options;
  options.write_timeout = std::chrono::milliseconds(flags.number<std::int64_t>("timeout", 5000, 0));
  flags.finish();

  zeroduplex::Writer writer(name, options);
  examples::OperationInfo info(name);
  if (!metadata.empty()) write_metadata(writer, metadata);
  std::uint64_t bytes = 0;
  std::vector<std::byte> data;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t n = 1; n <= frames; ++n) {
    const std::size_t size = sizes.next();
    if (zero_copy) {
      auto buffer = writer.acquireFrameBuffer(size);  // shared memory to write into
      examples::fill(buffer.data(), n);
      buffer.commit();
    } else {
      data.resize(size);
      examples::fill(data, n);
      writer.writeFrame(data);
    }
    bytes += size;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;

  if (json) {
    std::cout << R"({"role":"writer","frames":)" << frames << ",\"bytes\":" << bytes << ",\"seconds\":" << seconds.count()
              << ",\"written_count\":" << info.read().payload_written_count << "}" << std::endl;
  } else {
    std::cout << "wrote " << frames << " frames, " << bytes << " bytes, in " << seconds.count() << " s" << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run("stream-writer", [&] { write(examples::Flags(argc, argv, {"zero-copy", "json"})); });
}
