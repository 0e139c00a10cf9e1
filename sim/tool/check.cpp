// SPDX-License-Identifier: Apache-2.0
#include "sim/tool/check.hpp"

#include <algorithm>
#include <utility>

namespace systole::tool {

namespace {

constexpr std::size_t kShown = 8;

/// What is wrong with the counters of a run, if anything. `macs`: that it had to do.
std::string counters_report(const platform::GemmResult &result, std::uint64_t macs) {
  if (result.cycles == 0 || result.driver_result != 0) return "";
  std::vector<std::string> names = kCauses;
  names.insert(names.end(), {"total", "macs"});
  for (const std::string &name : names) {
    if (name != kIdle && result.counters.count(name) == 0) return "the counter " + name + " is missing";
  }
  const std::uint64_t total = result.counters.at("total"), idle = idle_cycles(result);
  std::uint64_t sum = 0;
  for (const std::string &cause : kCauses) {
    if (cause != kIdle) sum += result.counters.at(cause);
  }
  const std::string took = " cycles, but doorbell to interrupt took " + std::to_string(result.cycles);
  // Idle between a doorbell and the interrupt is only a machine that the host has not yet given the rest of the job.
  if (total > result.cycles || (idle != 0 && result.measured.program.doorbells.size() < 2)) {
    return "the machine was busy for " + std::to_string(total) + took;
  }
  if (sum + idle != result.cycles) return "the causes add up to " + std::to_string(sum + idle) + took;
  if (result.predicted && result.predicted->complete != timing::kNever) {
    const std::uint64_t predicted = result.predicted->complete - result.predicted->counters.at("total");
    if (idle != 0 && idle != predicted) {
      return "the machine was idle for " + std::to_string(idle) + " cycles, predicted " + std::to_string(predicted);
    }
  }
  if (result.counters.at("macs") == macs) return "";
  return "the array did " + std::to_string(result.counters.at("macs")) + " multiply-accumulates, but M*N*K is " +
         std::to_string(macs);
}

}  // namespace

const std::vector<std::string> kCauses = {"compute", "command", "weights", "activations", "hazard", "store", "drain", kIdle};

std::uint64_t idle_cycles(const platform::GemmResult &result) {
  const auto total = result.counters.find("total");
  return total == result.counters.end() || total->second > result.cycles ? 0 : result.cycles - total->second;
}

std::string Case::dtype() const {
  const std::string a = golden::name(a_type), b = golden::name(b_type);
  return a == b ? a : a + "," + b;
}

std::string Case::out_dtype() const { return golden::name(out); }

std::string Case::shape() const { return std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k); }

void Pattern::add(std::size_t row, std::size_t column, std::uint32_t difference) {
  if (count_++ == 0) {
    row_ = row;
    column_ = column;
  }
  rows_[row] = columns_[column] = array_columns_[column % cols_] = lanes_[column % cols_ % lanes_.size()] = true;
  one_tile_ = one_tile_ && column / cols_ == column_ / cols_;
  bits_ |= difference;
  common_ &= difference;
}

std::string Pattern::text() const {
  if (count_ == 0) return "";
  const auto count = [](const std::vector<bool> &set) { return std::count(set.begin(), set.end(), true); };
  const auto rows = count(rows_), columns = count(columns_), array_columns = count(array_columns_), lanes = count(lanes_);
  std::string text;
  if (count_ == rows_.size() * columns_.size())
    text = count_ == 1 ? "" : "all of them";
  else if (count_ == 1)
    text = "a single one";
  else if (rows == 1)
    text = "all in row " + std::to_string(row_);
  else if (columns == 1)
    text = "all in column " + std::to_string(column_) + " (column " + std::to_string(column_ % cols_) + " of the array)";
  else if (array_columns == 1)
    text = "all in columns " + std::to_string(column_ % cols_) + " modulo " + std::to_string(cols_) + ": column " +
           std::to_string(column_ % cols_) + " of the array";
  else if (lanes == 1 && lanes_.size() > 1)
    text = "all in columns " + std::to_string(column_ % cols_ % lanes_.size()) + " modulo " + std::to_string(lanes_.size()) +
           ": lane " + std::to_string(column_ % cols_ % lanes_.size()) + " of the epilogue";
  else if (one_tile_ && columns_.size() > cols_)
    text = "all in column tile " + std::to_string(column_ / cols_) + " (columns " + std::to_string(column_ / cols_ * cols_) +
           " and following)";
  else
    text = "in " + std::to_string(rows) + " rows and " + std::to_string(columns) + " columns";
  // One bit that is wrong in each of them, and no other.
  if (bits_ == common_ && (bits_ & (bits_ - 1)) == 0) {
    unsigned bit = 0;
    while ((bits_ >> bit & 1) == 0) ++bit;
    text += (text.empty() ? "bit " : ", only bit ") + std::to_string(bit);
  }
  return text;
}

Case unchecked(const std::string &name, const platform::GemmJob &job, const platform::ConfigInfo &config) {
  Case out;
  out.name = name;
  out.m = job.m;
  out.n = job.n;
  out.k = job.k;
  out.a_type = job.a_type;
  out.b_type = job.b_type;
  out.out = job.epilogue.out;
  out.peak = platform::peak_macs(job, config);
  return out;
}

Case check(const std::string &name, const platform::GemmJob &job, const platform::ConfigInfo &config, platform::GemmResult result,
           std::uint64_t queued_macs) {
  Case out = unchecked(name, job, config);
  const std::vector<std::uint8_t> expected = platform::golden_result(job);
  const std::size_t size = golden::size(out.out);
  const auto element = [size](const std::vector<std::uint8_t> &bytes, std::size_t i) {
    std::uint32_t bits = 0;
    for (std::size_t byte = 0; byte < size; ++byte) bits |= static_cast<std::uint32_t>(bytes[i * size + byte]) << (8 * byte);
    return bits;
  };
  Pattern pattern(job.m, job.n, config.cols, config.epilogue_lanes());
  // What the engine has left undone is not wrong, but absent.
  const std::size_t values = result.driver_result == 0 ? std::size_t{job.m} * job.n : 0;
  for (std::size_t i = 0; i < values; ++i) {
    const std::uint32_t right = element(expected, i);
    // A result that is too short is wrong where it ends.
    std::optional<std::uint32_t> actual;
    if ((i + 1) * size <= result.c.size()) actual = element(result.c, i);
    if (actual == right) continue;
    if (out.first.size() < kShown) out.first.push_back(Mismatch{i / job.n, i % job.n, right, actual});
    ++out.mismatches;
    pattern.add(i / job.n, i % job.n, actual ? right ^ *actual : ~std::uint32_t{0});
  }
  out.pattern = pattern.text();
  out.counters_report = counters_report(result, queued_macs + result.macs);
  if (!result.counters.empty()) result.counters[kIdle] = idle_cycles(result);
  out.result = std::move(result);
  return out;
}

}  // namespace systole::tool
