// Aligned memory that is used again.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace hardzero {

// A block of memory aligned to a cache line, or to a huge page if it is large. Not initialized.
class Memory {
 public:
  explicit Memory(std::size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void* data_;
  std::size_t bytes_;
};

// Keeps blocks that are no longer in use for the next request of about their size. Safe to use from any
// thread.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  // A block of at least `bytes`; it returns to the pool when the last pointer to it is gone.
  std::shared_ptr<Memory> take(std::size_t bytes);

 private:
  std::unique_ptr<Memory> find_idle(std::size_t bytes);
  void give_back(Memory* memory);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Memory>> idle_;
};

// An array in a block of a pool, or in one of its own.
template <class Element>
class Array {
 public:
  Array() = default;
  Array(MemoryPool& pool, std::size_t size) : memory_(pool.take(size * sizeof(Element))), size_(size) {}
  explicit Array(std::size_t size) : memory_(std::make_shared<Memory>(size * sizeof(Element))), size_(size) {}

  Element* data() const { return memory_ ? static_cast<Element*>(memory_->data()) : nullptr; }
  Element& operator[](std::size_t i) const { return data()[i]; }
  std::size_t size() const { return size_; }
  const std::shared_ptr<Memory>& memory() const { return memory_; }

 private:
  std::shared_ptr<Memory> memory_;
  std::size_t size_ = 0;
};

}  // namespace hardzero
