// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "mock_device.hpp"

namespace systole::test {

/// Executes records symbolically and looks for every order of events that tokens allow, at any speed of the engines. Buffers hold
/// *names* of matrix elements, not values. It knows the command reference, and nothing of how the driver cuts a product up.
///
/// Checked: legal records; addresses inside buffers; each token's giver before its taker and no counter above 15 in any
/// interleaving; nothing overwritten or read while another engine may still be using it; every product a[m][k]*b[n][k] added exactly
/// once, k ascending, to an accumulator that began from the right seed; every element of C stored exactly once, to its own address, in
/// its type, by the epilogue that the job asks for and with its own column's parameters; the last record, and no other, raises the interrupt (unless `interrupts_within`).
///
/// @return what is wrong with the records, or an empty string.
std::string CheckRecords(const Shape &shape, const std::vector<systole_gemm_t> &jobs, const std::vector<Record> &records,
                         bool interrupts_within = false);

}  // namespace systole::test
