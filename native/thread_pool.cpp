#include "thread_pool.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

#include "flush_denormals.h"

namespace hardzero {

namespace {

constexpr std::uint64_t kInsideMask = 0xFFFF;
constexpr std::uint64_t kOpen = 0x10000;
constexpr int kLoopShift = 17;
constexpr int kMostWorkers = 1023;
constexpr auto kSpinTime = std::chrono::microseconds(500);  // longer than Python needs between two kernels
constexpr int kSpinsPerLook = 64;                           // at the clock

void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Call `done` until it is true; false if that takes longer than kSpinTime.
template <class Done>
bool spin_until(Done done) {
  const auto started = std::chrono::steady_clock::now();
  do {
    for (int spins = 0; spins < kSpinsPerLook; ++spins) {
      if (done()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() - started < kSpinTime);
  return false;
}

std::atomic<ThreadPool*> process_pool{nullptr};

}  // namespace

ThreadPool& ThreadPool::instance() {
  static std::mutex making;
  static const int registered = [] {
    // The child abandons the parent's pool: its threads are gone, and its mutexes may be held for ever.
    return pthread_atfork([] { making.lock(); }, [] { making.unlock(); },
                          [] {
                            making.unlock();
                            process_pool.store(nullptr);
                          });
  }();
  (void)registered;
  ThreadPool* pool = process_pool.load(std::memory_order_acquire);
  if (pool == nullptr) {
    const std::lock_guard<std::mutex> lock(making);
    pool = process_pool.load(std::memory_order_acquire);
    if (pool == nullptr) {
      pool = new ThreadPool;
      process_pool.store(pool, std::memory_order_release);
    }
  }
  return *pool;
}

// Return how many of the workers wanted there are: the system may have no more threads to give.
int ThreadPool::grow(int n_wanted) {
  try {
    while (static_cast<int>(workers_.size()) < n_wanted) workers_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
  }
  const int n_workers = std::min(n_wanted, static_cast<int>(workers_.size()));
  if (n_shares_ <= n_workers) {
    n_shares_ = n_workers + 1;
    shares_ = std::make_unique<Share[]>(static_cast<std::size_t>(n_shares_));
  }
  return n_workers;
}

// The other threads do what is left by one whose task has thrown.
void ThreadPool::do_tasks(int slot) {
  try {
    do_shares(slot);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(failure_mutex_);
    if (failure_ == nullptr) failure_ = std::current_exception();
  }
}

void ThreadPool::do_shares(int slot) {
  for (int turn = 0; turn < n_slots_; ++turn) {
    Share& share = shares_[static_cast<std::size_t>((slot + turn) % n_slots_)];
    for (Index i = share.next.fetch_add(1, std::memory_order_relaxed); i < share.end;
         i = share.next.fetch_add(1, std::memory_order_relaxed))
      (*task_)(i, slot);
  }
}

void ThreadPool::run(Index n_tasks, int n_threads, const std::function<void(Index, int)>& task) {
  const FlushDenormals flush;
  const int wanted = static_cast<int>(n_tasks < n_threads ? n_tasks : n_threads);
  if (wanted <= 1 || !in_use_.try_lock()) {
    for (Index i = 0; i < n_tasks; ++i) task(i, 0);
    return;
  }
  const std::lock_guard<std::mutex> owner(in_use_, std::adopt_lock);
  const int n_workers = grow((wanted < kMostWorkers ? wanted : kMostWorkers) - 1);
  task_ = &task;
  n_slots_ = n_workers + 1;
  for (int slot = 0; slot < n_slots_; ++slot) {
    Share& share = shares_[static_cast<std::size_t>(slot)];
    share.next.store(n_tasks * slot / n_slots_, std::memory_order_relaxed);
    share.end = n_tasks * (slot + 1) / n_slots_;
  }
  const std::uint64_t loop = ((state_.load(std::memory_order_relaxed) >> kLoopShift) + 1) << kLoopShift;
  state_.store(loop | kOpen);
  if (n_sleeping_.load() > 0) wake_sleepers();
  do_tasks(0);
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  const auto all_left = [&] { return (state_.load(std::memory_order_acquire) & kInsideMask) == 0; };
  if (!spin_until(all_left))
    while (!all_left()) std::this_thread::yield();
  if (failure_ != nullptr) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::wake_sleepers() {
  const std::lock_guard<std::mutex> lock(sleep_mutex_);
  sleepers_.notify_all();
}

// Wait for a loop other than `seen` that is open.
void ThreadPool::wait_for_loop(std::uint64_t seen) {
  const auto is_new = [&](std::uint64_t state) {
    return (state & kOpen) != 0 && state >> kLoopShift != seen;
  };
  if (spin_until([&] { return is_new(state_.load(std::memory_order_acquire)); })) return;
  std::unique_lock<std::mutex> lock(sleep_mutex_);
  n_sleeping_.fetch_add(1);
  sleepers_.wait(lock, [&] { return is_new(state_.load()); });
  n_sleeping_.fetch_sub(1);
}

void ThreadPool::work() {
  const FlushDenormals flush;
  std::uint64_t seen = 0;
  while (true) {
    wait_for_loop(seen);
    std::uint64_t state = state_.load(std::memory_order_acquire);
    bool entered = false;
    while ((state & kOpen) != 0 && state >> kLoopShift != seen && !entered)
      entered = state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel);
    if (!entered) continue;
    seen = state >> kLoopShift;
    const int slot = static_cast<int>(state & kInsideMask) + 1;
    if (slot < n_slots_) do_tasks(slot);
    state_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace hardzero
