// Python's global lock, given back while the engine works.
#pragma once

#include <Python.h>
#include <unistd.h>

namespace hardzero {

// nanobind's guard, but for a daemon thread in the engine while the interpreter ends: Python then ends the
// thread instead of giving it the lock, which from a destructor would abort the process.
class ReleasedGil {
 public:
  ReleasedGil() noexcept : state_(PyEval_SaveThread()) {}
  ~ReleasedGil() {
    try {
      PyEval_RestoreThread(state_);
    } catch (...) {
      for (;;) pause();
    }
  }
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace hardzero
