// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

namespace tandem::testing {

/// Live bytes of CPU tensors by the thread that made them: whatever keeps a tensor alive, and whichever
/// thread frees it, the bytes stay with the maker. Installs itself for the rest of the process; make one,
/// before tensors are.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : system_(c10::GetDefaultCPUAllocator()) {
    c10::SetCPUAllocator(this, /*priority=*/100);
  }

  /// Counts what the calling thread allocates from now on in `counter`, which must outlive those tensors.
  static void count_in(std::atomic<int64_t>& counter) { counter_ = &counter; }
  static void stop_counting() { counter_ = nullptr; }

  c10::DataPtr allocate(size_t bytes) override {
    c10::DataPtr memory = system_->allocate(bytes);
    void* data = memory.get();
    if (data == nullptr) return memory;
    if (counter_ != nullptr) *counter_ += static_cast<int64_t>(bytes);
    const std::lock_guard lock(mutex_);
    blocks_[data] = {.memory = std::move(memory), .bytes = static_cast<int64_t>(bytes), .counter = counter_};
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

 private:
  struct Block {
    c10::DataPtr memory;
    int64_t bytes = 0;
    std::atomic<int64_t>* counter = nullptr;
  };
  static void release(void* data) {
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(data);
    if (found->second.counter != nullptr) *found->second.counter -= found->second.bytes;
    blocks_.erase(found);
  }

  // By its address, as the allocator's raw interface has nothing else.
  static inline std::mutex mutex_;
  static inline std::unordered_map<void*, Block> blocks_;
  c10::Allocator* system_;
  static inline thread_local std::atomic<int64_t>* counter_ = nullptr;
};

}  // namespace tandem::testing
