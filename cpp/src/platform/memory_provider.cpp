#include <utility>

#include <zeroduplex/error.hpp>
#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/memory_provider.hpp>

#include "platform/name.hpp"
#include "platform/object.hpp"

namespace zeroduplex {

SharedMemory::SharedMemory(std::string name, mode_t mode)
    : name_(std::move(name)), mode_(mode), object_(std::make_unique<platform::SharedObject>()) {
  platform::check_name(name_);
}

SharedMemory::~SharedMemory() = default;

std::span<std::byte> SharedMemory::allocate(std::uint64_t size) {
  if (size == 0) throw InvalidArgumentError("shared memory of 0 bytes cannot be mapped");
  *object_ = platform::SharedObject::create(name_, size, mode_, platform::PageWish(object_->wish()));
  return object_->bytes();
}

std::span<std::byte> SharedMemory::open() {
  auto object = platform::SharedObject::open(name_);
  if (!object) throw ServerNotFoundError("there is no shared-memory object '" + name_ + "'");
  if (object.size() == 0) throw CorruptedError("the shared-memory object '" + name_ + "' is empty");
  object.map();
  *object_ = std::move(object);
  return object_->bytes();
}

std::span<std::byte> SharedMemory::bytes() const noexcept { return object_->bytes(); }

bool SharedMemory::publish() {
  if (!*object_) throw InvalidArgumentError("publish() needs allocate() first");
  return object_->link();
}

void SharedMemory::remove() noexcept {
  if (*object_) object_->remove();
}

SharedMemoryView::SharedMemoryView(std::span<std::byte> bytes) : bytes_(bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % wire::block_alignment != 0) {
    throw InvalidArgumentError("the memory of a view must begin on a " + std::to_string(wire::block_alignment) + "-byte boundary");
  }
}

std::span<std::byte> SharedMemoryView::allocate(std::uint64_t size) {
  throw InvalidArgumentError("a view of existing memory cannot allocate " + std::to_string(size) + " bytes; use SharedMemory");
}

}  // namespace zeroduplex
