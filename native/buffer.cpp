#include "buffer.h"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace hardzero {

namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr std::size_t kTolerableWaste = std::size_t{128} << 10;
constexpr std::size_t kMostIdle = 32;

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

Memory::Memory(std::size_t bytes) {
  const bool large = bytes >= kHugePageBytes;
  const std::size_t alignment = large ? kHugePageBytes : kLineBytes;
  bytes_ = round_up(bytes > 0 ? bytes : 1, large ? std::size_t{4096} : kLineBytes);
  data_ = nullptr;
  if (posix_memalign(&data_, alignment, bytes_) != 0) throw std::bad_alloc();
#if defined(__linux__)
  if (large) madvise(data_, bytes_, MADV_HUGEPAGE);
#endif
}

Memory::~Memory() { std::free(data_); }

std::shared_ptr<Memory> MemoryPool::take(std::size_t bytes) {
  std::unique_ptr<Memory> memory = find_idle(bytes);
  if (memory == nullptr) memory = std::make_unique<Memory>(bytes);
  return std::shared_ptr<Memory>(
      memory.release(), [pool = shared_from_this()](Memory* returned) { pool->give_back(returned); });
}

// The smallest idle block that fits without wasting more than it serves.
std::unique_ptr<Memory> MemoryPool::find_idle(std::size_t bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  auto best = idle_.end();
  for (auto candidate = idle_.begin(); candidate != idle_.end(); ++candidate) {
    const std::size_t size = (*candidate)->bytes();
    if (size < bytes || size > 2 * bytes + kTolerableWaste) continue;
    if (best == idle_.end() || size < (*best)->bytes()) best = candidate;
  }
  if (best == idle_.end()) return nullptr;
  std::unique_ptr<Memory> memory = std::move(*best);
  idle_.erase(best);
  return memory;
}

void MemoryPool::give_back(Memory* memory) {
  std::unique_ptr<Memory> owned(memory);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() >= kMostIdle) idle_.erase(idle_.begin());
  idle_.push_back(std::move(owned));
}

}  // namespace hardzero
