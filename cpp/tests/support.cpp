#include "support.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

namespace test {

Name::Name() {
  static std::atomic<unsigned> count{0};
  name_ = "zdtest-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

Name::~Name() {
  for (const std::string& file : leftovers()) {
    ADD_FAILURE() << "left behind: " << file;
    ::unlink(file.c_str());
  }
  // A killed server leaves its owner locks, which the next server of the name takes over: here there is none.
  const char* temporary = std::getenv("TMPDIR");
  for (const std::string& name : {name_, name_ + "_request", name_ + "_response"}) {
    ::unlink(zeroduplex::wire::lock_path(name).c_str());
    ::unlink(zeroduplex::wire::lock_csharp_path(temporary == nullptr ? "/tmp" : temporary, name).c_str());
  }
}

std::vector<std::string> Name::leftovers() const {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    const std::string file = entry.path().filename();
    const std::size_t at = file.find(name_);
    if (at == std::string::npos) continue;
    // "zdtest-7-1" is also the beginning of "zdtest-7-10". Behind "_" comes which buffer of a v1 channel it is.
    const std::size_t end = at + name_.size();
    if (end == file.size() || file[end] == '.' || file[end] == '_') files.push_back(entry.path());
  }
  return files;
}

void Name::clean() const {
  for (const std::string& file : leftovers()) ::unlink(file.c_str());
}

HeapMemory::HeapMemory(std::size_t size) : size_(size) {
  constexpr std::size_t alignment = 64;
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment));
  std::memset(memory, 0xA5, size);  // a server must not rely on fresh memory
  bytes_.reset(memory);
}

void HeapMemory::Free::operator()(std::byte* p) const { std::free(p); }

bool eventually(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(100us);
  }
  return true;
}

std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

std::string text(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::vector<std::byte> pattern(std::uint64_t seed, std::size_t size) {
  std::vector<std::byte> result(size);
  for (std::size_t i = 0; i < size; ++i) result[i] = static_cast<std::byte>((seed * 31 + i * 7 + i / 251) & 0xFF);
  return result;
}

std::vector<std::byte> stream_frame(std::uint64_t n) {
  std::mt19937_64 random(n);
  return pattern(n, 1 + random() % 700);
}

bool is_stream_frame(const zeroduplex::ReceivedFrame& frame, std::uint64_t n) {
  return frame.sequence() == n && std::ranges::equal(frame.data(), stream_frame(n));
}

void complement(zeroduplex::Frame& frame) {
  for (std::byte& b : frame.data()) b = ~b;
}

bool is_complement(std::span<const std::byte> response, std::span<const std::byte> request) {
  if (response.size() != request.size()) return false;
  for (std::size_t i = 0; i < request.size(); ++i) {
    if (response[i] != ~request[i]) return false;
  }
  return true;
}

std::unique_ptr<zeroduplex::IInPlaceDuplexServer> serve(const std::string& name, const zeroduplex::BufferConfig& config,
                                                        zeroduplex::IInPlaceDuplexServer::Handler handler,
                                                        const zeroduplex::ServerOptions& options) {
  auto server = zeroduplex::DuplexChannelFactory::getInstance().createInPlaceDuplexServer(name, config, options);
  server->start(std::move(handler));
  return server;
}

std::unique_ptr<zeroduplex::IDuplexClient> connect(const std::string& name, const zeroduplex::ClientOptions& options) {
  return zeroduplex::DuplexChannelFactory::getInstance().createClient(name, options);
}

int failures_in_child(const std::vector<std::function<void()>>& calls) {
  const pid_t child = ::fork();
  if (child == 0) {
    int failures = 0;
    for (const auto& call : calls) {
      try {
        call();
        ++failures;
      } catch (const zeroduplex::ClosedError&) {
      } catch (...) {
        ++failures;
      }
    }
    ::_exit(failures);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void closed_anyway() { throw zeroduplex::ClosedError("the call came to its end"); }

Process::Process(std::vector<std::string> arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2 failed");
  std::vector<char*> argv{const_cast<char*>(ZERODUPLEX_TEST_PEER)};
  for (std::string& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  output_ = ends[0];
}

Process::~Process() {
  if (pid_ > 0) {
    kill(SIGKILL);
    wait();
  }
  ::close(output_);
}

std::string Process::line() {
  std::string result;
  char c = 0;
  for (;;) {
    const ssize_t n = ::read(output_, &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n') return result;
    result += c;
  }
}

void Process::kill(int signal) const { ::kill(pid_, signal); }

int Process::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void kill_calling_servers(const std::string& name, const std::vector<std::string>& serve) {
  for (int i = 0; i < 10; ++i) {
    Process server(serve);
    ASSERT_EQ("ready", server.line());
    Process client({"call", name, "1000000000", std::to_string(i)});
    ASSERT_EQ("calling", client.line());
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * i));  // at another moment each time
    server.kill(SIGKILL);
    server.wait();
    EXPECT_EQ("server dead", client.line());
    EXPECT_EQ(0, client.wait());
  }
}

}  // namespace test
