// A call allocates nothing, on neither side.

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>
#include <zeroduplex/zeroduplex.hpp>

#include "support.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
// Out of line: a compiler that sees only one of a pair inline takes them for mismatched.
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace zeroduplex {
namespace {

TEST(Allocation, NonePerCall) {
  const test::Name name;
  const auto server = test::serve(name, BufferConfig(0, 65536), test::complement);
  const auto client = test::connect(name);
  const auto request = test::pattern(1, 1000);
  const auto round = [&] {
    static_cast<void>(client->call(request));
    const auto sequence = client->sendRequest(request);
    static_cast<void>(client->receiveResponse(sequence, 5000));
    auto buffer = client->acquireRequestBuffer(100);
    buffer.commit();
    static_cast<void>(client->receiveResponse(5000));
    client->send({.data = request, .one_way = true});
  };
  for (int i = 0; i < 100; ++i) round();
  const std::uint64_t before = allocations;
  for (int i = 0; i < 1000; ++i) round();
  EXPECT_EQ(before, allocations);
}

}  // namespace
}  // namespace zeroduplex
