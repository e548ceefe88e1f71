// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tandem {

/// Tells the C library's allocator to keep freed memory for the next allocation instead of handing it back to
/// the system. A training step frees and takes the same large blocks again and again, and every page that
/// comes fresh from the system costs a fault and its clearing. The process stays at its peak size. Call once,
/// first thing in a program that computes.
void tune_allocator();

}  // namespace tandem
