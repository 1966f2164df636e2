// Page faults and huge pages: what the options prefault and huge_pages do, and what the report says.

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "common/memory_reports.hpp"
#include "platform/huge_pages.hpp"
#include "platform/object.hpp"
#include "platform/pages.hpp"
#include "support.hpp"

namespace zeroduplex {
namespace {

using platform::PageWish;
using platform::SharedObject;
using test::connect;
using test::Name;
using test::serve;

constexpr std::size_t page = 4096;
constexpr std::size_t pages_tested = 2048;
/// Far below the pages tested; whatever else the thread does may have some.
constexpr long few_faults = pages_tested / 10;
constexpr PageWish prefault{.prefault = true};
const MemoryReport prefaulted{.prefaulted = true};

/// How many page faults something takes on this thread. Not instrumented: a sanitizer's own memory has faults, too.
template <typename Work>
__attribute__((no_sanitize("address", "undefined"))) long faults_of(const Work& work) {
  rusage before{};
  rusage after{};
  ::getrusage(RUSAGE_THREAD, &before);
  work();
  ::getrusage(RUSAGE_THREAD, &after);
  return after.ru_minflt - before.ru_minflt;
}

__attribute__((no_sanitize("address", "undefined"))) void write_each_page(std::span<std::byte> memory) {
  volatile std::byte* const bytes = memory.data();
  for (std::size_t i = 0; i < memory.size(); i += page) bytes[i] = std::byte{1};
}

long write_faults(std::span<std::byte> memory) {
  return faults_of([&] { write_each_page(memory); });
}

/// A kernel that answers an advice with an error instead of following it. One at a time.
class Kernel {
 public:
  Kernel(int advice, int error) {
    advice_ = advice;
    error_ = error;
    platform::madvise_call = &answer;
  }
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
  ~Kernel() { platform::madvise_call = &::madvise; }

 private:
  static int answer(void* start, std::size_t size, int advice) noexcept {
    if (advice != advice_) return ::madvise(start, size, advice);
    errno = error_;
    return -1;
  }
  inline static int advice_ = 0;
  inline static int error_ = 0;
};

/// Runs a check in a child that has a /dev/shm of its own, mounted with options. What went wrong, or nothing.
template <typename Check>
std::string in_own_memory(const std::string& options, const Check& check) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  const pid_t child = ::fork();
  if (child == 0) {
    std::string problem;
    try {
      const bool mounted = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                           ::mount("tmpfs", "/dev/shm", "tmpfs", 0, options.c_str()) == 0;
      problem = mounted ? check() : "cannot mount a /dev/shm of its own";
    } catch (const std::exception& e) {
      problem = std::string("thrown: ") + e.what();
    }
    ::_exit(::write(ends[1], problem.data(), problem.size()) == static_cast<ssize_t>(problem.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string problem;
  std::array<char, 512> part{};
  for (ssize_t n = 0; (n = ::read(ends[0], part.data(), part.size())) > 0;)
    problem.append(part.data(), static_cast<std::size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? problem : problem + " (status " + std::to_string(status) + ")";
}

TEST(Pages, PrefaultedOnesTakeNoFaults) {
  for (const bool old : {false, true}) {
    std::optional<Kernel> before_5_14;
    if (old) before_5_14.emplace(23, EINVAL);
    const Name name;
    auto object = SharedObject::create(name, pages_tested * page, 0600, prefault);
    EXPECT_EQ(prefaulted, object.pages());
    EXPECT_LT(write_faults(object.bytes()), few_faults) << "who creates, old kernel: " << old;
    ASSERT_TRUE(object.link());
    auto other = SharedObject::open(name);
    other.map(prefault);
    other.prepare_pages();
    EXPECT_EQ(prefaulted, other.pages());
    EXPECT_LT(write_faults(other.bytes()), few_faults) << "who attaches, old kernel: " << old;
    object.remove();
  }
}

TEST(Pages, ThoseThatAreNotPrefaultedTakeAFaultEach) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount memory";
  EXPECT_EQ("", in_own_memory("huge=never", [] {
              auto object = SharedObject::create("plain", pages_tested * page, 0600);
              const long faults = write_faults(object.bytes());
              if (object.pages() != MemoryReport{}) return std::string("nothing was asked for: ") + object.pages().reason;
              return faults < static_cast<long>(pages_tested) ? "only " + std::to_string(faults) + " faults" : std::string();
            }));
}

TEST(Pages, PrefaultingLosesNothingOfWhatTheOtherSideWrites) {
  constexpr std::size_t pages = 4;
  constexpr int times = 2000;
  for (const bool old : {false, true}) {
    std::optional<Kernel> before_5_14;
    if (old) before_5_14.emplace(23, EINVAL);
    const Name name;
    auto object = SharedObject::create(name, pages * page, 0600);
    ASSERT_TRUE(object.link());
    const auto word = [&](std::size_t i) {
      return std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(object.bytes().data() + i * page));
    };
    std::atomic<std::uint64_t> rounds{0};
    std::atomic<bool> enough{false};
    std::jthread side([&] {
      for (; !enough; ++rounds) {
        // No read-modify-write: what another one's load and store would overwrite stays lost.
        for (std::size_t i = 0; i < pages; ++i) word(i).store(word(i).load() + 1);
      }
    });
    EXPECT_TRUE(test::eventually([&] { return rounds > 0; }));
    for (int i = 0; i < times; ++i) {
      auto other = SharedObject::open(name);
      other.map(prefault);
      other.prepare_pages();
    }
    enough = true;
    side.join();
    for (std::size_t i = 0; i < pages; ++i) EXPECT_EQ(rounds.load(), word(i).load()) << "page " << i;
    object.remove();
  }
}

TEST(Pages, ThatCannotBeHadAreOutOfMemoryAndLeaveNothing) {
  for (const int error : {ENOMEM, EFAULT}) {
    const Kernel kernel(23, error);
    for (const bool huge : {false, true}) {
      const Name name;
      ServerOptions options;
      options.prefault = !huge;
      options.huge_pages = huge;
      EXPECT_THROW(serve(name, BufferConfig(0, 65536), test::complement, options), OutOfMemoryError);
      EXPECT_TRUE(name.leftovers().empty());
    }
    const Name name;
    const auto server = serve(name, BufferConfig(0, 65536), test::complement);
    ClientOptions options;
    options.prefault = true;
    EXPECT_THROW(static_cast<void>(connect(name, options)), OutOfMemoryError);
    const auto client = connect(name);  // nobody is attached
    EXPECT_EQ(MemoryReport{}, client->memoryReport());
    EXPECT_EQ(MemoryReport{}, server->memoryReport());
    Reader reader(name.str() + "-v1", BufferConfig(0, 65536));
    WriterOptions writing;
    writing.prefault = true;
    EXPECT_THROW(Writer(name.str() + "-v1", writing), OutOfMemoryError);
    const Writer writer(name.str() + "-v1");
  }
  const Kernel kernel(23, EHWPOISON);
  const Name name;
  EXPECT_THROW(SharedObject::create(name, 65536, 0600, prefault), SystemError);
}

TEST(Pages, ThatSharedMemoryHasNoRoomForAreOutOfMemory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount memory";
  for (const bool old : {false, true}) {
    EXPECT_EQ("", in_own_memory("size=1m", [old]() -> std::string {
                std::optional<Kernel> before_5_14;
                if (old) before_5_14.emplace(23, EINVAL);
                std::ofstream("/dev/shm/sparse").close();
                if (::truncate("/dev/shm/sparse", 2 << 20) != 0) return "cannot make a file without pages";
                auto object = SharedObject::open("sparse");
                object.map(prefault);
                try {
                  object.prepare_pages();
                } catch (const OutOfMemoryError&) {
                  return {};
                }
                return "there was room";
              }));
  }
}

TEST(HugePages, AreUsedWhereSharedMemoryIsMountedWithThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount memory";
  std::ifstream policy_file("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  const std::string policy(std::istreambuf_iterator<char>(policy_file), {});
  for (const std::string mounted : {"never", "advise", "within_size", "always"}) {
    EXPECT_EQ("", in_own_memory("huge=" + mounted,
                                [&]() -> std::string {
                                  constexpr std::size_t size = (8U << 20U) + page;
                                  auto object = SharedObject::create("huge", size, 0600, {.huge_pages = true});
                                  if (!object.link()) return "no name";
                                  auto other = SharedObject::open("huge");
                                  other.map({.prefault = true, .huge_pages = true});
                                  other.prepare_pages();
                                  for (const MemoryReport& got : {object.pages(), other.pages()}) {
                                    const auto refused = [&](const char* why) {
                                      return got.huge_page_bytes == 0 && got.reason.find(why) != std::string::npos;
                                    };
                                    bool right = false;
                                    if (policy.find("[deny]") != std::string::npos) {
                                      right = refused("is deny");
                                    } else if (policy.find("[force]") == std::string::npos && mounted == "never") {
                                      right = refused("mount -o remount,huge=advise /dev/shm");
                                    } else {
                                      // None may be free just now.
                                      right = (got.huge_page_bytes > 0 && got.huge_page_bytes <= size && got.reason.empty()) ||
                                              refused("or none were free");
                                    }
                                    if (!right || !got.prefaulted)
                                      return std::to_string(got.huge_page_bytes) + " bytes, reason " + got.reason;
                                  }
                                  return {};
                                }))
        << "huge=" << mounted;
  }
}

TEST(HugePages, ThatTheKernelDoesNotTakeOrTellOf) {
  const Name name;
  {
    const Kernel kernel(MADV_HUGEPAGE, EINVAL);
    const auto object = SharedObject::create(name, page, 0600, {.huge_pages = true});
    EXPECT_TRUE(object.pages().prefaulted);
    EXPECT_NE(std::string::npos, object.pages().reason.find("takes no wish for huge pages")) << object.pages().reason;
  }
  auto object = SharedObject::create(name, page, 0600);
  ASSERT_TRUE(object.link());
  auto other = SharedObject::open(name);
  other.map({.huge_pages = true});
  other.prepare_pages();
  EXPECT_FALSE(other.pages().prefaulted);
  EXPECT_NE(std::string::npos, other.pages().reason.find("only in memory that is prefaulted")) << other.pages().reason;
  object.remove();
}

TEST(HugePages, ReasonsThatThereAreNone) {
  const std::string without =
      "22 1 0:20 / / rw - ext4 /dev/root rw\n31 22 0:27 / /dev/shm rw,nosuid shared:9 - tmpfs tmpfs rw,size=65536k\n";
  const std::string with = without + "40 31 0:44 / /dev/shm rw - tmpfs tmpfs rw,huge=advise\n";
  const std::string policy = "always within_size advise [never] deny force\n";
  const auto why = [&](std::uint64_t size, const std::string& policy_text, const std::string& mounts) {
    return platform::why_no_huge_pages(size, "2097152\n", policy_text, mounts);
  };
  const auto has = [](const std::string& reason, const char* part) {
    return reason.find(part) != std::string::npos ? testing::AssertionSuccess() : testing::AssertionFailure() << reason;
  };
  EXPECT_TRUE(has(why(4096, policy, with), "the mapping of 4096 bytes is smaller than a huge page of 2097152"));
  EXPECT_TRUE(has(why(4 << 20, "always never [deny] force", with), "an administrator can write never into it"));
  EXPECT_TRUE(has(why(4 << 20, policy, without), "mount -o remount,huge=advise /dev/shm"));
  EXPECT_TRUE(
      has(why(4 << 20, policy, with + "41 40 0:45 / /dev/shm rw - tmpfs tmpfs rw,huge=never\n"), "mounted without huge pages"));
  EXPECT_TRUE(has(why(4 << 20, policy, with), "the kernel gave small pages"));
  EXPECT_TRUE(has(platform::why_no_huge_pages(4 << 20, "", "", ""), "mounted without huge pages"));
}

TEST(HugePages, AreCountedByTheKernel) {
  const std::string smaps =
      "7f0000000000-7f0000400000 rw-s 00000000 00:1b 7 /dev/shm/before\nShmemPmdMapped:     4096 kB\n"
      "7f0000400000-7f0000800000 rw-s 00000000 00:1b 8 /dev/shm/ours\nRss:  4096 kB\nShmemPmdMapped:     2048 kB\n"
      "FilePmdMapped:         4 kB\nVmFlags: rd wr hg\n"
      "7f0000800000-7f0000c00000 rw-s 00000000 00:1b 9 /dev/shm/after\nShmemPmdMapped:     8192 kB\n";
  const auto bytes_at = [&](std::uintptr_t address) {
    std::istringstream file(smaps);
    return platform::parse_smaps(file, address);
  };
  EXPECT_EQ(std::uint64_t{4} << 20U, bytes_at(0x7f0000000000));
  EXPECT_EQ((std::uint64_t{2} << 20U) + 4096, bytes_at(0x7f0000400000));
  EXPECT_EQ(std::uint64_t{8} << 20U, bytes_at(0x7f0000800000));
  EXPECT_EQ(std::nullopt, bytes_at(0x1000));
}

/// The faults of the client's first lap, which writes to every page of the ring.
long lap_faults(IDuplexClient& client, std::size_t payload) {
  const std::size_t size = payload / 4 - wire::frame_header_v2_size;
  return faults_of([&] {
    for (int i = 0; i < 4; ++i) {
      auto buffer = client.acquireRequestBuffer(size);
      write_each_page(buffer.data());
      const std::uint64_t sequence = buffer.commit();
      static_cast<void>(client.receiveResponse(sequence, 60'000));
    }
  });
}

TEST(Report, OfAChannel) {
  constexpr std::size_t payload = pages_tested * page;
  const Name name;
  ServerOptions serving;
  serving.prefault = true;
  auto server = serve(
      name, BufferConfig(0, payload), [](Frame&) {}, serving);
  EXPECT_EQ(prefaulted, server->memoryReport());
  ClientOptions options;
  options.prefault = true;
  options.lap = Lap::needed;
  auto client = connect(name, options);
  EXPECT_EQ(prefaulted, client->memoryReport());
  EXPECT_LT(lap_faults(*client, payload), few_faults);
  client->close();
  EXPECT_EQ(prefaulted, client->memoryReport()) << "it can be asked for after the end";

  options.prefault = false;
  options.huge_pages = true;
  client = connect(name, options);
  EXPECT_NE(std::string::npos, client->memoryReport().reason.find("asked for")) << client->memoryReport().reason;
  client.reset();
  server->stop();
  EXPECT_EQ(prefaulted, server->memoryReport());
  server.reset();

  serving.huge_pages = true;
  server = serve(
      name, BufferConfig(0, payload), [](Frame&) {}, serving);
  const MemoryReport report = server->memoryReport();
  EXPECT_TRUE(report.prefaulted);
  EXPECT_EQ(report.huge_page_bytes == 0, !report.reason.empty()) << report.reason;
}

TEST(Report, OfAClientWithoutPrefaultThatTakesTheFaults) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can mount memory";
  EXPECT_EQ("", in_own_memory("huge=never", [] {
              constexpr std::size_t payload = pages_tested * page;
              const auto server = serve("lap", BufferConfig(0, payload), [](Frame&) {});
              ClientOptions options;
              options.lap = Lap::needed;
              const auto client = connect("lap", options);
              const long faults = lap_faults(*client, payload);
              return faults > long{pages_tested} * 9 / 10 ? std::string() : "only " + std::to_string(faults) + " faults";
            }));
}

TEST(Report, OfMemoryOfTheApplicationsOwn) {
  const Name name;
  const test::HeapMemory memory(65536);
  ServerOptions serving;
  serving.prefault = true;
  const auto server = serve(name, BufferConfig(0, memory.view()), test::complement, serving);
  ClientOptions options;
  options.memory = memory.view();
  options.huge_pages = true;
  const auto client = connect(name, options);
  for (const MemoryReport& report : {server->memoryReport(), client->memoryReport()}) {
    EXPECT_FALSE(report.prefaulted);
    EXPECT_NE(std::string::npos, report.reason.find("application's own")) << report.reason;
  }
}

TEST(Report, OfV1) {
  const Name name;
  const BufferConfig config(0, 65536);
  ServerOptions serving;
  serving.prefault = true;
  ReaderOptions reading;
  reading.prefault = true;
  WriterOptions writing;
  writing.prefault = true;
  Reader reader(name, config, reading);
  const Writer writer(name, writing);
  EXPECT_EQ(prefaulted, reader.memoryReport());
  EXPECT_EQ(prefaulted, writer.memoryReport());

  const auto server = DuplexChannelFactory::getInstance().createImmutableServer(name, config, serving);
  EXPECT_EQ(prefaulted, server->memoryReport());
  server->start(test::complement);
  ClientOptions options;
  options.prefault = true;
  options.response_config = config;
  const auto client = connect(name, options);
  const auto request = test::bytes("works");
  EXPECT_TRUE(test::is_complement(client->call(request, 60'000).data(), request));
  EXPECT_EQ(prefaulted, client->memoryReport());
  EXPECT_EQ(prefaulted, server->memoryReport());
}

TEST(Report, OnTwoMappings) {
  const MemoryReport done{.prefaulted = true, .huge_page_bytes = 5};
  const MemoryReport failed{.reason = "why"};
  EXPECT_EQ((MemoryReport{.prefaulted = true, .huge_page_bytes = 10}), detail::both(done, done));
  EXPECT_EQ((MemoryReport{.huge_page_bytes = 5, .reason = "why"}), detail::both(done, failed));
  EXPECT_EQ(failed, detail::both(failed, failed));
  EXPECT_EQ((MemoryReport{.reason = "why; also"}), detail::both(failed, MemoryReport{.reason = "also"}));
}

}  // namespace
}  // namespace zeroduplex
