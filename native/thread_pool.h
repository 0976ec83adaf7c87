// Threads that share the tasks of one loop at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels.h"

namespace hardzero {

// The pool of this process. Workers are started when first wanted, spin briefly between loops, then sleep.
class ThreadPool {
 public:
  // The process's pool; a forked child gets a new one, because threads do not survive a fork.
  static ThreadPool& instance();

  // Call task(i, slot) for every i in [0, n_tasks) on up to n_threads threads, the caller among them; `slot`,
  // less than n_threads, tells the thread. Each thread begins with successive tasks of its own, because
  // processors fetch memory ahead, and helps the others when they are done. If another thread is using the
  // pool, or the system starts no more threads, the caller does all tasks itself. Denormal numbers count as
  // zero in all tasks. What a task throws is thrown again when all threads have ended.
  void run(Index n_tasks, int n_threads, const std::function<void(Index, int)>& task);

  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() = delete;  // lives as long as the process: workers may still sleep at exit

 private:
  ThreadPool() = default;

  void work();
  int grow(int n_wanted);
  void wake_sleepers();
  void wait_for_loop(std::uint64_t seen);
  void do_tasks(int slot);
  void do_shares(int slot);

  // The tasks that a thread begins with.
  struct alignas(64) Share {
    std::atomic<Index> next{0};
    Index end = 0;
  };

  std::mutex in_use_;
  std::vector<std::thread> workers_;

  // The present loop; written by the caller of run() while state_ is closed and no worker is inside.
  const std::function<void(Index, int)>* task_ = nullptr;
  int n_slots_ = 0;
  std::unique_ptr<Share[]> shares_;
  int n_shares_ = 0;

  // The first exception of a task of the present loop.
  std::mutex failure_mutex_;
  std::exception_ptr failure_;

  // Loop number in the high bits, then a bit that tells whether workers may enter, then the workers inside.
  alignas(64) std::atomic<std::uint64_t> state_{0};

  alignas(64) std::atomic<int> n_sleeping_{0};
  std::mutex sleep_mutex_;
  std::condition_variable sleepers_;
};

}  // namespace hardzero
